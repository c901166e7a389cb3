//! What a device's client configuration is made with, beside its secret.
use super::{
    ids::{DeviceNo, NodeNo},
    node::{Node, Obfs},
    word::words,
};
use crate::schema::device_profiles;
use chrono::{DateTime, Utc};
use diesel::prelude::*;

words!(/** What a client offers to the programs on its machine. */ Mode {
    /** A SOCKS5 proxy. */ Socks5 = "socks5",
    /** An HTTP proxy. */ Http = "http",
    /** All of the machine's traffic. */ Tun = "tun",
});

words!(/** Which disguise a device's node must have. */ WantedObfs {
    /** None at all. */ Off = "none",
    /** XOR by a salted hash. */ Salamander = "salamander",
    /** Salamander over split handshakes. */ Gecko = "gecko",
});

impl WantedObfs {
    /// What such a node has.
    pub const fn obfs(self) -> Option<Obfs> {
        match self {
            Self::Off => None,
            Self::Salamander => Some(Obfs::Salamander),
            Self::Gecko => Some(Obfs::Gecko),
        }
    }
}

/// A row of `device_profiles`.
#[derive(Clone, Debug, HasQuery, Insertable, AsChangeset)]
#[diesel(table_name = device_profiles, treat_none_as_null = true, check_for_backend(diesel::pg::Pg))]
pub struct Profile {
    pub device_no: DeviceNo,
    pub node_no: Option<NodeNo>,
    pub obfs: Option<WantedObfs>,
    /// Bytes a second.
    pub up: Option<i64>,
    /// Bytes a second.
    pub down: Option<i64>,
    pub mode: Mode,
    /// Address and port.
    pub listen: Option<String>,
    pub lazy: bool,
    pub fast_open: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Profile {
    /// What a device has that was given none.
    pub fn usual(device: DeviceNo) -> Self {
        Self {
            device_no: device,
            node_no: None,
            obfs: None,
            up: None,
            down: None,
            mode: Mode::Socks5,
            listen: None,
            lazy: false,
            fast_open: false,
            version: 0,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }
    /// Whether a node has the disguise that is wanted.
    pub fn accepts(&self, node: &Node) -> bool {
        self.obfs.is_none_or(|wanted| wanted.obfs() == node.obfs)
    }
}
