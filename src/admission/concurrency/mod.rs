//! Who is online, and who may still come in: one lease a connection, kept per user, ended by what nodes report.
//!
//! `user` decides over one user's leases, `brake` ends a tug-of-war, `presence` follows one node's answers,
//! `table` joins them under small locks, `gate` holds back the first logins after a start.
mod brake;
mod gate;
mod presence;
mod table;
mod user;

pub use gate::Gate;
pub use table::Table;

use super::AddrKey;
use crate::models::{DeviceNo, NodeNo, OnConflict, UserNo};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// Displacements between addresses that a device may have within [`BRAKE`] before newcomers are refused.
pub const DISPLACEMENTS: usize = 3;
/// Over how long displacements count, and how long newcomers are refused then.
pub const BRAKE: TimeDelta = TimeDelta::seconds(60);
/// How long a node may be unreadable before its leases end.
pub const UNREADABLE: TimeDelta = TimeDelta::seconds(90);
/// Answers asked after the admission that must lack a connection before its lease ends.
pub const ABSENCES: u8 = 2;

/// A login that everything else has admitted and that now needs its place.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose login.
    pub user: UserNo,
    /// By which device.
    pub device: DeviceNo,
    /// On which node.
    pub node: NodeNo,
    /// The connection id, freshly minted.
    pub id: Arc<str>,
    /// Where the client is, if the node said so readably.
    pub addr: Option<AddrKey>,
    /// Connections that the device may have at once, on each node.
    pub max_connections: u16,
    /// Who gives way.
    pub on_conflict: OnConflict,
    /// Devices that the user may have online at once.
    pub online_limit: Option<u32>,
}

impl Claim {
    /// Whether a wrong answer could come from not knowing yet who is online: such logins wait for the [`Gate`].
    pub fn needs_full_sight(&self) -> bool {
        self.online_limit.is_some() || self.on_conflict == OnConflict::Refuse
    }
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It has its lease.
    Leased {
        /// The nodes on which an older connection now waits for its kick: one entry each, mostly none.
        displaced: Vec<NodeNo>,
    },
    /// The user has as many devices online as it may.
    DeviceLimit,
    /// The device has its connections and may not displace them.
    DeviceConcurrency {
        /// The brake was set by this very claim: the moment to write the event.
        braked_now: bool,
    },
}

/// One id of a node's `/online` answer whose MAC is right.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// The connection id.
    pub id: &'a str,
    /// The user in it.
    pub user: UserNo,
    /// The device in it.
    pub device: DeviceNo,
}

/// A lease, named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Whose.
    pub user: UserNo,
    /// Of which device.
    pub device: DeviceNo,
    /// The connection id.
    pub id: Arc<str>,
}

/// A connection that may be open, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Which.
    pub held: Held,
    /// Where.
    pub node: NodeNo,
    /// From where.
    pub addr: Option<AddrKey>,
    /// Since when, or since when it is known.
    pub since: DateTime<Utc>,
    /// It counts nowhere any more.
    pub kick_pending: bool,
}

/// What one answer of a node brought to light.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Listed ids that were displaced: to be kicked, again and again, until they are gone.
    pub kick: Vec<Arc<str>>,
    /// Leases that ended.
    pub ended: Vec<Held>,
    /// Listed ids that had no lease and have one now.
    pub regained: Vec<Held>,
}

/// How many are online.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Online {
    /// Users with a lease.
    pub users: usize,
    /// Their devices.
    pub devices: usize,
    /// Their connections.
    pub connections: usize,
}

impl Held {
    fn of(claim: &Claim) -> Self {
        Self {
            user: claim.user,
            device: claim.device,
            id: Arc::clone(&claim.id),
        }
    }
}

impl From<Listed<'_>> for Held {
    fn from(listed: Listed<'_>) -> Self {
        Self {
            user: listed.user,
            device: listed.device,
            id: listed.id.into(),
        }
    }
}
