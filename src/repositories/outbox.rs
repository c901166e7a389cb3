//! Events that wait to be handed out.
use super::events::Event;
use crate::schema::{events, outbox};
use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_query, sql_types::Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// Whether this transaction is the one that hands out, until it ends: events of one user arrive in their order.
pub async fn try_lock(conn: &mut AsyncPgConnection) -> QueryResult<bool> {
    let taken: Taken = sql_query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('hywarden.outbox.' || current_schema(), 0)) AS taken",
    )
    .get_result(conn)
    .await?;
    Ok(taken.taken)
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
