//! Every key there is. Its type knows what stands under it and for how long; docs/redis.md has the same as a table.
use redis::{FromRedisValue, ToRedisArgs};
use std::time::Duration;
use uuid::Uuid;

/// A key whose type says what stands under it.
pub trait Key: Sync {
    /// What stands there.
    type Value: FromRedisValue + ToRedisArgs + Sync;
    /// For how long after a write; `None`: until it is deleted.
    const TTL: Option<Duration>;
    /// Its name after the prefix.
    fn name(&self) -> String;
}

/// How long a lease stands that nobody confirms: the 90 s of an unreadable node and the pause between confirmations.
pub const UNCONFIRMED: Duration = Duration::from_secs(110);
/// How long failed logins are remembered.
pub const REMEMBERED: Duration = Duration::from_mins(15);

/// Which installation's leases these are, and since which flush: `<lease space>:<epoch>`.
pub struct LeaseSpace;
impl Key for LeaseSpace {
    type Value = String;
    const TTL: Option<Duration> = None;
    fn name(&self) -> String {
        "lease-space".into()
    }
}

/// The leases and brakes of a user, a hash: connection id → lease, `!device` → brake.
pub struct UserLeases(pub i64);
impl Key for UserLeases {
    type Value = Vec<(String, String)>;
    const TTL: Option<Duration> = Some(UNCONFIRMED);
    fn name(&self) -> String {
        format!("leases:{}", self.0)
    }
}

/// What happened to a node's leases since its reader last looked, a list.
pub struct NodeNews(pub i64);
impl Key for NodeNews {
    type Value = Vec<String>;
    const TTL: Option<Duration> = Some(UNCONFIRMED);
    fn name(&self) -> String {
        format!("lease-news:{}", self.0)
    }
}

/// The nodes whose connections have been counted since this epoch began, a set.
pub struct Seeded<'a>(pub &'a str);
impl Key for Seeded<'_> {
    type Value = Vec<i64>;
    const TTL: Option<Duration> = Some(Duration::from_hours(24));
    fn name(&self) -> String {
        format!("lease-seeded:{}", self.0)
    }
}

/// The theoretical arrival time of a limit, in microseconds.
pub struct Arrivals<'a> {
    /// What is limited.
    pub of: &'a str,
    /// Whose: an address, an account, hashed.
    pub key: u64,
}
impl Key for Arrivals<'_> {
    type Value = i64;
    const TTL: Option<Duration> = Some(Duration::from_hours(1));
    fn name(&self) -> String {
        format!("limit:{}:{:x}", self.of, self.key)
    }
}

/// Failed logins of an account from an address, both hashed together: `<locked until, ms> <failures>`.
pub struct SoftLock(pub u64);
impl Key for SoftLock {
    type Value = String;
    const TTL: Option<Duration> = Some(REMEMBERED);
    fn name(&self) -> String {
        format!("soft-lock:{:x}", self.0)
    }
}

/// A summary as JSON, by its name.
pub struct Summary<'a>(pub &'a str);
impl Key for Summary<'_> {
    type Value = String;
    const TTL: Option<Duration> = Some(Duration::from_secs(2));
    fn name(&self) -> String {
        format!("summary:{}", self.0)
    }
}

/// A client's configuration as it was rendered for one node, or for the node of the device's profile; sealed.
pub struct Rendered<'a> {
    pub device: Uuid,
    /// For which client.
    pub format: &'a str,
    /// As it was asked for; empty: not at all.
    pub node: &'a str,
}
impl Key for Rendered<'_> {
    type Value = Vec<u8>;
    const TTL: Option<Duration> = Some(Duration::from_hours(2));
    fn name(&self) -> String {
        format!("rendered:{}:{}:{}", self.device, self.format, self.node)
    }
}

/// Whom a ticket of the live channel lets in, by the ticket's hash.
pub struct LiveTicket<'a>(pub &'a str);
impl Key for LiveTicket<'_> {
    type Value = String;
    const TTL: Option<Duration> = Some(Duration::from_secs(30));
    fn name(&self) -> String {
        format!("live-ticket:{}", self.0)
    }
}
