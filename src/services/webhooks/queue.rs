//! From events to deliveries, in the transaction that takes the events out of the outbox.
use crate::{
    clock::Clock,
    error::Result,
    models::{DeliveryState, UserNo},
    repositories::webhooks::{self, NewDelivery},
    services::events::EventDetail,
};
use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use serde::Serialize;
use serde_json::{Value, json};

/// What a receiver is told.
#[derive(Debug, Serialize)]
pub struct Told<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    timestamp: DateTime<Utc>,
    data: ToldData<'a>,
}

#[derive(Debug, Serialize)]
struct ToldData<'a> {
    number: i64,
    severity: &'a str,
    actor: &'a str,
    user_id: Option<String>,
    user: Option<&'a str>,
    device_id: Option<String>,
    device: Option<&'a str>,
    node_id: Option<String>,
    node: Option<&'a str>,
    detail: &'a Value,
}

impl<'a> Told<'a> {
    /// Of an event.
    pub fn of(detail: &'a EventDetail) -> Self {
        let event = &detail.event;
        Self {
            kind: &event.kind,
            timestamp: event.at,
            data: ToldData {
                number: event.number,
                severity: event.severity.as_str(),
                actor: &event.actor,
                user_id: detail.user.as_ref().map(|(id, _)| id.to_string()),
                user: detail.user.as_ref().map(|(_, name)| name.as_str()),
                device_id: detail.device.as_ref().map(|(id, _)| id.to_string()),
                device: detail.device.as_ref().map(|(_, name)| name.as_str()),
                node_id: detail.node.as_ref().map(|(id, _)| id.to_string()),
                node: detail.node.as_ref().map(|(_, name)| name.as_str()),
                detail: &event.data,
            },
        }
    }
}

/// Notes for every webhook what it wants to hear of these events. Of webhooks themselves none is told: the news that one
/// does not answer would wait for it.
pub async fn queue(
    conn: &mut AsyncPgConnection,
    clock: &dyn Clock,
    events: &[EventDetail],
) -> Result<()> {
    let receivers = webhooks::list_enabled(conn).await?;
    if receivers.is_empty() {
        return Ok(());
    }
    let now = clock.now();
    let mut new = Vec::new();
    for detail in events {
        let event = &detail.event;
        if event.kind.starts_with("webhook.") {
            continue;
        }
        let told = receivers
            .iter()
            .filter(|receiver| receiver.wants(&event.kind));
        let told: Vec<_> = told.collect();
        if told.is_empty() {
            continue;
        }
        let body = serde_json::to_string(&Told::of(detail)).map_err(anyhow::Error::from)?;
        new.extend(told.into_iter().map(|receiver| NewDelivery {
            id: clock.uuid(),
            webhook_id: receiver.id,
            kind: event.kind.clone(),
            user: event.user_no,
            body: body.clone(),
            state: DeliveryState::Waiting,
            next_at: now,
            created_at: now,
            queued_at: now,
            done_at: None,
        }));
    }
    Ok(webhooks::insert_deliveries(conn, &new).await?)
}

/// Takes the names of a user that is being erased, and of its devices, out of what its receivers are told: what was told is
/// forgotten, what waits is told with the ids alone. To be called while nobody hands out events.
pub async fn forget(conn: &mut AsyncPgConnection, user: UserNo) -> Result<()> {
    webhooks::delete_told(conn, user).await?;
    for (id, body) in webhooks::lock_waiting(conn, user).await? {
        let mut told: Value = serde_json::from_str(&body).map_err(anyhow::Error::from)?;
        for field in ["user", "device"] {
            if let Some(name) = told.pointer_mut(&format!("/data/{field}"))
                && name.is_string()
            {
                // as an erased one is called everywhere
                *name = json!("");
            }
        }
        webhooks::rewrite(conn, id, &told.to_string()).await?;
    }
    Ok(())
}
