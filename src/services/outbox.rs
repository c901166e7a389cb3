//! Hands committed events out, at least once each, oldest first: to the log, which is what every operator has.
//! Those who follow events live read the table itself; receivers elsewhere (webhooks) will be handed theirs here too.
use crate::{
    error::Result,
    repositories::{Db, events::Event, outbox},
};
use diesel_async::AsyncConnection;

/// Events a transaction.
const BATCH: i64 = 256;

/// The dispatcher.
#[derive(Clone)]
pub struct Outbox {
    pub db: Db,
}

impl Outbox {
    /// Hands out what waits; gives how many. Fewer than a batch: nothing is left for now.
    pub async fn run_once(&self) -> Result<usize> {
        let mut conn = self.db.get().await?;
        conn.transaction(async |conn| {
            let (numbers, events) = outbox::lock_oldest(conn, BATCH).await?;
            events.iter().for_each(log);
            outbox::delete(conn, &numbers).await?;
            Ok(numbers.len())
        })
        .await
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
