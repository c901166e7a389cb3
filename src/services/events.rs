//! What happened, for those who follow.
pub use crate::repositories::events::Place;
use crate::{
    error::Result,
    models::{DeviceId, DeviceNo, NodeId, NodeNo, Severity, UserId, UserNo},
    repositories::{
        devices,
        events::{self, Event},
        nodes, users,
    },
    services::store::Store,
};
use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::HashMap, time::Duration};
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

/// The longest that a follower waits for something to happen.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a waiting follower looks.
const LOOK: Duration = Duration::from_millis(250);

/// The service.
#[derive(Clone)]
pub struct Events {
    pub store: Store,
}

/// An event with the names of whom it is about.
#[derive(Clone, Debug)]
pub struct EventDetail {
    pub event: Event,
    pub user: Option<(UserId, String)>,
    pub device: Option<(DeviceId, String)>,
    pub node: Option<(NodeId, String)>,
}

/// Something that happened.
// one shape for whoever asks, whoever follows and the other instances: an event reads the same whichever way it came
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = EventView)]
pub struct News {
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

impl Events {
    /// The newest events, oldest first, and the place to follow them from.
    pub async fn latest(&self, limit: i64) -> Result<(Vec<EventDetail>, Place)> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let (events, place) = events::latest(&mut conn, limit, now).await?;
        Ok((named(&mut conn, events).await?, place))
    }

    /// The events after a place; none yet: waits for some, at most `wait`, without holding a connection.
    pub async fn after(
        &self,
        place: &Place,
        limit: i64,
        wait: Duration,
    ) -> Result<(Vec<EventDetail>, Place)> {
        let until = Instant::now() + wait.min(LONGEST_WAIT);
        loop {
            let now = self.store.clock.now();
            let mut conn = self.store.conn().await?;
            let (events, next) = events::after(&mut conn, place, limit, now).await?;
            if !events.is_empty() || Instant::now() >= until {
                return Ok((named(&mut conn, events).await?, next));
            }
            drop(conn);
            sleep(LOOK.min(until - Instant::now())).await;
        }
    }
}

/// Events with the names of whom they are about.
pub(in crate::services) async fn named(
    conn: &mut AsyncPgConnection,
    events: Vec<Event>,
) -> Result<Vec<EventDetail>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let of_users: Vec<UserNo> = events.iter().filter_map(|e| e.user_no).collect();
    let of_devices: Vec<DeviceNo> = events.iter().filter_map(|e| e.device_no).collect();
    let of_nodes: Vec<NodeNo> = events.iter().filter_map(|e| e.node_no).collect();
    let users: HashMap<_, _> = users::names(conn, &of_users)
        .await?
        .into_iter()
        .map(|(no, id, name)| (no, (id, name)))
        .collect();
    let devices: HashMap<_, _> = devices::names(conn, &of_devices)
        .await?
        .into_iter()
        .map(|(no, id, name)| (no, (id, name)))
        .collect();
    let nodes: HashMap<_, _> = nodes::names(conn, &of_nodes)
        .await?
        .into_iter()
        .map(|(no, id, name)| (no, (id, name)))
        .collect();
    let detail = |event: Event| EventDetail {
        user: event.user_no.and_then(|no| users.get(&no).cloned()),
        device: event.device_no.and_then(|no| devices.get(&no).cloned()),
        node: event.node_no.and_then(|no| nodes.get(&no).cloned()),
        event,
    };
    Ok(events.into_iter().map(detail).collect())
}
