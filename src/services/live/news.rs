//! An event as the live channel tells it, also from instance to instance.
use crate::{models::Severity, services::events::EventDetail};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct News {
    pub number: i64,
    pub kind: String,
    pub severity: Severity,
    pub actor: String,
    pub user_id: Option<String>,
    pub user: Option<String>,
    pub device_id: Option<String>,
    pub device: Option<String>,
    pub node_id: Option<String>,
    pub node: Option<String>,
    pub data: Value,
    pub at: DateTime<Utc>,
}

impl From<EventDetail> for News {
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
            user_id: user_id.map(|id| id.to_string()),
            user,
            device_id: device_id.map(|id| id.to_string()),
            device,
            node_id: node_id.map(|id| id.to_string()),
            node,
            data: event.data,
            at: event.at,
        }
    }
}

impl News {
    /// Everything that it is about.
    pub(super) fn topics(&self) -> Vec<String> {
        let mut topics = vec!["events".to_owned()];
        topics.extend(self.user_id.iter().map(|id| format!("user:{id}")));
        topics.extend(self.device_id.iter().map(|id| format!("device:{id}")));
        if let Some(id) = &self.node_id {
            topics.extend(["nodes".to_owned(), format!("node:{id}")]);
        }
        topics
    }
}
