//! Committed events, handed out in the order of their numbers by one instance at a time: to the log, to webhooks, to the
//! live channel. An event waits in the outbox until the transaction that took it is committed; whoever follows the live
//! channel may hear of it a second time, a webhook is told once of each.
use crate::{
    clock::Clock,
    error::{Error, Result},
    repositories::{Db, events::Event, outbox},
    services::{
        events::{EventDetail, named},
        webhooks,
    },
};
use diesel_async::AsyncConnection;
use std::sync::Arc;

/// Events a transaction.
const BATCH: i64 = 256;

/// Who hears of events once their delivery is committed.
pub type Listener = Arc<dyn Fn(Vec<EventDetail>) + Send + Sync>;

/// The dispatcher.
#[derive(Clone)]
pub struct Outbox {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub listener: Listener,
}

impl Outbox {
    /// Hands out what waits; gives how many. Fewer than a batch: nothing is left for now.
    pub async fn run_once(&self) -> Result<usize> {
        let mut conn = self.db.get().await?;
        let (count, events) = conn
            .transaction(async |conn| {
                if !outbox::try_lock(conn).await? {
                    return Ok((0, Vec::new()));
                }
                let (numbers, events) = outbox::lock_oldest(conn, BATCH).await?;
                if numbers.is_empty() {
                    return Ok((0, Vec::new()));
                }
                events.iter().for_each(log);
                let events = named(conn, events).await?;
                webhooks::queue(conn, &*self.clock, &events).await?;
                outbox::delete(conn, &numbers).await?;
                Ok::<_, Error>((numbers.len(), events))
            })
            .await?;
        drop(conn);
        if !events.is_empty() {
            (self.listener)(events);
        }
        Ok(count)
    }

    /// Whether more may wait after a run that handed out so many.
    pub fn is_behind(handed_out: usize) -> bool {
        i64::try_from(handed_out).is_ok_and(|n| n >= BATCH)
    }
}

fn log(event: &Event) {
    tracing::info!(
        target: "hywarden::events",
        number = event.number,
        kind = event.kind,
        severity = event.severity.as_str(),
        actor = event.actor,
        user = event.user_no.map(|n| n.0),
        device = event.device_no.map(|n| n.0),
        node = event.node_no.map(|n| n.0),
        at = %event.at.to_rfc3339(),
        data = %event.data,
        "event"
    );
}
