//! One client of a user: the unit of blocking, traffic and online state. And the secrets it is known by.
use super::{
    ids::{DeviceId, DeviceNo, UserNo},
    word::words,
};
use crate::schema::{credentials, devices};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

words!(/** Who gives way when a device has all its connections. */ OnConflict {
    /** The oldest connection is kicked. */ Newest = "newest",
    /** The newcomer is refused. */ Refuse = "refuse",
});

words!(/** What form a credential has. */ CredentialKind {
    /** Ours: `hy1_…`, 128 random bits with a checksum. */ Own = "own",
    /** `name:password`, the name without regard to case. */ Userpass = "userpass",
    /** Any other string, verbatim. */ Bare = "bare",
});

/// A row of `devices`.
#[derive(Clone, Debug, HasQuery, Identifiable)]
#[diesel(table_name = devices, check_for_backend(diesel::pg::Pg))]
pub struct Device {
    pub id: DeviceId,
    pub number: DeviceNo,
    pub user_no: UserNo,
    pub name: String,
    pub credential_version: i32,
    /// Connections at once, on each node.
    pub max_connections: i16,
    pub on_conflict: OnConflict,
    pub blocked_at: Option<DateTime<Utc>>,
    pub removed_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A row of `credentials`.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = credentials, check_for_backend(diesel::pg::Pg))]
pub struct Credential {
    pub device_no: DeviceNo,
    pub version: i32,
    pub kind: CredentialKind,
    pub pepper_id: i16,
    pub hash: Vec<u8>,
    pub secret_sealed: Option<Vec<u8>>,
    pub created_at: DateTime<Utc>,
    pub revoked_at: Option<DateTime<Utc>>,
}
