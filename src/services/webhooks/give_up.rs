//! The end of waiting: what no attempt reached in time, and what is too much.
use super::Webhooks;
use crate::{
    error::Result,
    models::{Severity, WebhookId},
    repositories::{
        events::{self, NewEvent},
        webhooks,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Value, json};

/// All pauses between attempts together, each a fifth late: two days and 23 hours. However many wait for a dead receiver,
/// none waits longer.
const LONGEST: TimeDelta = TimeDelta::days(3);
/// So many may wait for one receiver; of more the oldest go.
const MOST: i64 = 10_000;

impl Webhooks {
    /// Gives up what has waited too long or is too much, and tells it once a receiver. Gives how many deliveries.
    pub async fn give_up(&self) -> Result<i64> {
        let now = self.store.clock.now();
        let mut conn = self.jobs_db.get().await?;
        conn.transaction(async |conn| {
            let mut all = 0;
            for gone in webhooks::give_up(conn, now - LONGEST, MOST, now).await? {
                tell_given_up(conn, gone.webhook_id, gone.deliveries, now).await?;
                all += gone.deliveries;
            }
            Ok(all)
        })
        .await
    }
}

pub(super) async fn tell_given_up(
    conn: &mut AsyncPgConnection,
    webhook: WebhookId,
    deliveries: i64,
    at: DateTime<Utc>,
) -> Result<()> {
    let data = json!({ "webhook": webhook, "deliveries": deliveries });
    tell(conn, "webhook.gave_up", data, at).await
}

/// Of a receiver, to everybody but receivers.
pub(super) async fn tell(
    conn: &mut AsyncPgConnection,
    kind: &'static str,
    data: Value,
    at: DateTime<Utc>,
) -> Result<()> {
    let event = NewEvent {
        kind,
        severity: Severity::Warning,
        actor: "webhooks",
        user: None,
        device: None,
        node: None,
        data,
        at,
    };
    Ok(events::insert(conn, &event).await?)
}
