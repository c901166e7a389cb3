//! One Hysteria2 server, and how far its counters are read.
use super::{
    ids::{GroupId, GroupNo, InstanceId, NodeId, NodeNo},
    word::words,
};
use crate::schema::{groups, node_configs, node_readings, nodes};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use ipnet::IpNet;

words!(/** How a node's packets are disguised. */ Obfs {
    /** XOR by a salted hash. */ Salamander = "salamander",
    /** Salamander over split handshakes. */ Gecko = "gecko",
});

/// A row of `nodes`.
#[derive(Clone, Debug, HasQuery, Identifiable)]
#[diesel(table_name = nodes, check_for_backend(diesel::pg::Pg))]
#[expect(clippy::struct_excessive_bools, reason = "as many as the table has")]
pub struct Node {
    pub id: NodeId,
    pub number: NodeNo,
    pub name: String,
    pub address: String,
    pub sni: Option<String>,
    pub pin_sha256: Option<String>,
    pub obfs: Option<Obfs>,
    pub obfs_password_sealed: Option<Vec<u8>>,
    pub hook_secret_hash: Vec<u8>,
    pub hook_secret_sealed: Vec<u8>,
    pub old_hook_secret_hash: Option<Vec<u8>>,
    pub hook_secret_used_at: Option<DateTime<Utc>>,
    pub stats_url: String,
    pub stats_secret_sealed: Vec<u8>,
    pub allow_plaintext: Vec<String>,
    pub allow_targets: Vec<IpNet>,
    pub own_addresses: Vec<IpNet>,
    /// Bytes a second in each direction.
    pub line_rate: Option<i64>,
    pub require_stats_seconds: Option<i32>,
    /// Label: good for games.
    pub gaming: bool,
    /// Label: good for streaming.
    pub streaming: bool,
    /// Only for users of a paid plan.
    pub paid: bool,
    pub disabled_at: Option<DateTime<Utc>>,
    pub draining_at: Option<DateTime<Utc>>,
    /// Is deleted once it is drained.
    pub removing: bool,
    pub deleted_at: Option<DateTime<Utc>>,
    /// The present one of `node_configs`.
    pub config_version: i32,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Node {
    /// Takes new logins.
    pub fn is_open(&self) -> bool {
        self.disabled_at.is_none() && self.draining_at.is_none() && self.deleted_at.is_none()
    }
}

/// A row of `node_readings`: the lease of a node's one reader, and how far it is.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = node_readings, check_for_backend(diesel::pg::Pg))]
pub struct NodeReading {
    pub node_no: NodeNo,
    pub epoch: i64,
    pub holder: Option<InstanceId>,
    pub held_until: Option<DateTime<Utc>>,
    pub generation: i64,
    /// The last generation that did not begin with our own answered clean-up; 0: none.
    pub doubtful_generation: i64,
    pub cleaned_at: Option<DateTime<Utc>>,
    /// Its answer held ids of this other node of ours: two nodes, one server.
    pub shared_with: Option<i64>,
    pub read_at: Option<DateTime<Utc>>,
    pub failing_since: Option<DateTime<Utc>>,
    pub error: Option<String>,
    pub unreadable_reported: bool,
    pub entries: i32,
    pub doubts: i64,
}

/// A row of `node_configs`: what a server configuration was made from.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = node_configs, check_for_backend(diesel::pg::Pg))]
pub struct NodeConfigRow {
    pub version: i32,
    pub reason: String,
    pub made_by: String,
    pub settings: serde_json::Value,
    pub obfs_password_sealed: Option<Vec<u8>>,
    pub stats_secret_sealed: Vec<u8>,
    pub created_at: DateTime<Utc>,
}

/// A row of `groups`.
#[derive(Clone, Debug, HasQuery, Identifiable)]
#[diesel(table_name = groups, check_for_backend(diesel::pg::Pg))]
pub struct Group {
    pub id: GroupId,
    pub number: GroupNo,
    pub name: String,
    pub created_at: DateTime<Utc>,
}
