//! Events that wait to be handed out.
use super::{alone, events::Event};
use crate::schema::{events, outbox};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Whether this transaction is the one that hands out, until it ends: events of one user arrive in their order.
pub async fn try_lock(conn: &mut AsyncPgConnection) -> QueryResult<bool> {
    alone::try_lock(conn, "outbox").await
}

/// Waits until nobody hands out, and lets nobody until this transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    alone::lock(conn, "outbox").await
}

/// Locks the oldest events that nobody else is handing out, at most `limit`. Gives their numbers, and what is left of them:
/// retention may have dropped one.
pub async fn lock_oldest(
    conn: &mut AsyncPgConnection,
    limit: i64,
) -> QueryResult<(Vec<i64>, Vec<Event>)> {
    let waiting: Vec<(i64, DateTime<Utc>)> = outbox::table
        .order(outbox::event)
        .limit(limit)
        .for_update()
        .skip_locked()
        .load(conn)
        .await?;
    let Some(first) = waiting.iter().map(|(_, at)| *at).min() else {
        return Ok((Vec::new(), Vec::new()));
    };
    let numbers: Vec<i64> = waiting.iter().map(|(number, _)| *number).collect();
    let events = Event::query()
        .filter(events::number.eq_any(&numbers))
        // names the partitions that are looked at
        .filter(events::at.ge(first))
        .order(events::number)
        .load(conn)
        .await?;
    Ok((numbers, events))
}

/// They are handed out.
pub async fn delete(conn: &mut AsyncPgConnection, numbers: &[i64]) -> QueryResult<usize> {
    diesel::delete(outbox::table.filter(outbox::event.eq_any(numbers)))
        .execute(conn)
        .await
}
