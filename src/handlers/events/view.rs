//! What an event looks like, and how events and refusals are asked for.
use crate::{
    models::{DeviceId, NodeId, Severity, UserId},
    services::events::EventDetail,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    /// Numbers may be delivered out of order; each comes once.
    pub number: i64,
    /// `noun.happened`.
    pub kind: String,
    pub severity: Severity,
    /// Who caused it.
    pub actor: String,
    /// The user's name.
    pub user: Option<String>,
    pub user_id: Option<UserId>,
    /// The device's name.
    pub device: Option<String>,
    pub device_id: Option<DeviceId>,
    /// The node's name.
    pub node: Option<String>,
    pub node_id: Option<NodeId>,
    pub data: Value,
    pub at: DateTime<Utc>,
}

impl From<EventDetail> for EventView {
    fn from(detail: EventDetail) -> Self {
        let (user_id, user) = detail.user.unzip();
        let (device_id, device) = detail.device.unzip();
        let (node_id, node) = detail.node.unzip();
        let event = detail.event;
        Self {
            number: event.number,
            kind: event.kind,
            severity: event.severity,
            actor: event.actor,
            user,
            user_id,
            device,
            device_id,
            node,
            node_id,
            data: event.data,
            at: event.at,
        }
    }
}

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEvents {
    /// At most 100.
    pub limit: Option<i64>,
    /// The `next_cursor` of the answer before, or `start`; absent: the newest ones.
    pub after: Option<String>,
    /// The same as `after`.
    pub cursor: Option<String>,
    /// Seconds to wait for something to happen, at most 30.
    #[param(maximum = 30)]
    pub wait: Option<u64>,
}

/// Whose refusals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDecisions {
    /// At most 100.
    pub limit: Option<i64>,
    /// Id or name: that user's last refusals.
    pub user: Option<String>,
    /// Refusals of credentials that nobody has.
    #[serde(default)]
    pub unknown: bool,
}
