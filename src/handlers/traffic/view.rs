//! What traffic and connections look like, and how they are asked for.
use crate::{
    models::{DeviceId, NodeId, UserId, maybe_storable},
    services::traffic::{Connection, Part, Traced},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Bytes of one user, device or node.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrafficView {
    /// Upload.
    pub tx: i64,
    /// Download.
    pub rx: i64,
    pub total: i64,
    /// From this hour on; `null`: from the beginning.
    pub from: Option<DateTime<Utc>>,
    /// Up to this hour; `null`: up to now.
    pub to: Option<DateTime<Utc>>,
    /// Of a node: the 100 users with the most bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<Vec<PartView>>,
    /// Of a user: the 100 devices with the most bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<PartView>>,
    /// Of a user or device: the 100 nodes with the most bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<PartView>>,
}

/// A part of a sum.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartView {
    pub id: Uuid,
    pub name: String,
    pub tx: i64,
    pub rx: i64,
    pub total: i64,
}

impl From<Part> for PartView {
    fn from(part: Part) -> Self {
        Self {
            id: part.id,
            name: part.name,
            tx: part.sum.tx,
            rx: part.sum.rx,
            total: part.sum.total(),
        }
    }
}

impl From<Traced> for TrafficView {
    fn from(traced: Traced) -> Self {
        let parts =
            |parts: Option<Vec<Part>>| parts.map(|p| p.into_iter().map(Into::into).collect());
        Self {
            tx: traced.sum.tx,
            rx: traced.sum.rx,
            total: traced.sum.total(),
            from: traced.from,
            to: traced.to,
            users: parts(traced.users),
            devices: parts(traced.devices),
            nodes: parts(traced.nodes),
        }
    }
}

/// Of which time, in whole hours; nothing said: ever.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfTime {
    #[serde(default, deserialize_with = "maybe_storable")]
    pub from: Option<DateTime<Utc>>,
    #[serde(default, deserialize_with = "maybe_storable")]
    pub to: Option<DateTime<Utc>>,
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionView {
    pub id: String,
    /// The user's name.
    pub user: Option<String>,
    pub user_id: Option<UserId>,
    /// The device's id.
    pub device: Option<DeviceId>,
    pub device_name: Option<String>,
    /// The node's name.
    pub node: Option<String>,
    pub node_id: Option<NodeId>,
    /// Its admission, or when a report first showed it.
    pub since: Option<DateTime<Utc>>,
    /// Upload, in bytes.
    pub tx: i64,
    /// Download, in bytes.
    pub rx: i64,
    pub online: bool,
    pub kick_pending: bool,
    pub ended_at: Option<DateTime<Utc>>,
    pub client_addr: Option<String>,
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        let (user_id, user) = connection.user.unzip();
        let (device, device_name) = connection.device.unzip();
        let (node_id, node) = connection.node.unzip();
        let open = connection.ended_at.is_none();
        Self {
            id: connection.id,
            user,
            user_id,
            device,
            device_name,
            node,
            node_id,
            since: connection.admitted_at.or(connection.online_at),
            tx: connection.bytes.tx(),
            rx: connection.bytes.rx(),
            online: open && connection.online_at.is_some(),
            kick_pending: open && connection.kicked_at.is_some(),
            ended_at: connection.ended_at,
            client_addr: connection.client_addr.map(|net| net.addr().to_string()),
        }
    }
}

/// Which connections.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListConnections {
    /// At most 100.
    pub limit: Option<i64>,
    pub cursor: Option<String>,
    /// Those that ended or were not listed yet, too.
    #[serde(default)]
    pub all: bool,
    /// Id or name.
    pub user: Option<String>,
    pub device: Option<DeviceId>,
    /// Id or name.
    pub node: Option<String>,
}

/// Which connections of one user.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListOwnConnections {
    /// At most 100.
    pub limit: Option<i64>,
    pub cursor: Option<String>,
    /// Those that ended or were not listed yet, too.
    #[serde(default)]
    pub all: bool,
}
