//! What webhooks are told: it waits, is tried, and is kept for a while.
use crate::{
    models::{Delivery, DeliveryState, UserNo, WebhookId},
    schema::webhook_deliveries as d,
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// Something to be told.
#[derive(Debug, Insertable)]
#[diesel(table_name = d, check_for_backend(diesel::pg::Pg))]
pub struct NewDelivery {
    pub id: Uuid,
    pub webhook_id: WebhookId,
    pub kind: String,
    #[diesel(column_name = user_no)]
    pub user: Option<UserNo>,
    pub body: String,
    pub state: DeliveryState,
    pub next_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub queued_at: DateTime<Utc>,
    pub done_at: Option<DateTime<Utc>>,
}

/// Notes what is to be told.
pub async fn insert_deliveries(
    conn: &mut AsyncPgConnection,
    new: &[NewDelivery],
) -> QueryResult<()> {
    for part in new.chunks(1_000) {
        diesel::insert_into(d::table)
            .values(part)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// Which deliveries.
#[derive(Clone, Copy, Debug)]
pub struct Log {
    pub webhook: WebhookId,
    pub state: Option<DeliveryState>,
    pub before: Option<i64>,
    pub limit: i64,
}

/// One page of a webhook's deliveries, newest first.
pub async fn log(conn: &mut AsyncPgConnection, of: Log) -> QueryResult<Vec<Delivery>> {
    let mut query = Delivery::query()
        .filter(d::webhook_id.eq(of.webhook))
        .order(d::sequence.desc())
        .limit(of.limit)
        .into_boxed();
    if let Some(state) = of.state {
        query = query.filter(d::state.eq(state));
    }
    if let Some(before) = of.before {
        query = query.filter(d::sequence.lt(before));
    }
    query.load(conn).await
}

/// One delivery of a webhook.
pub async fn find_delivery(
    conn: &mut AsyncPgConnection,
    webhook: WebhookId,
    id: Uuid,
) -> QueryResult<Option<Delivery>> {
    Delivery::query()
        .filter(d::id.eq(id))
        .filter(d::webhook_id.eq(webhook))
        .first(conn)
        .await
        .optional()
}

/// Takes what is due of a webhook, oldest first: for so long nobody else tries it. Of each user only what no earlier one of
/// the same user is waiting before.
pub async fn claim(
    conn: &mut AsyncPgConnection,
    webhook: WebhookId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Delivery>> {
    #[derive(QueryableByName)]
    struct Id {
        #[diesel(sql_type = SqlUuid)]
        id: Uuid,
    }
    let taken: Vec<Id> = sql_query(
        "UPDATE webhook_deliveries SET next_at = $3 WHERE id IN (
            SELECT id FROM webhook_deliveries t
            WHERE webhook_id = $1 AND state = 'waiting' AND next_at <= $2
                AND (user_no IS NULL OR NOT EXISTS (SELECT FROM webhook_deliveries e
                    WHERE e.webhook_id = $1 AND e.user_no = t.user_no AND e.state = 'waiting' AND e.sequence < t.sequence))
            ORDER BY sequence LIMIT $4 FOR UPDATE SKIP LOCKED)
         RETURNING id",
    )
    .bind::<SqlUuid, _>(webhook.0)
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(until)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await?;
    let ids: Vec<Uuid> = taken.into_iter().map(|row| row.id).collect();
    Delivery::query()
        .filter(d::id.eq_any(ids))
        .order(d::sequence)
        .load(conn)
        .await
}

/// What was given up of a webhook.
#[derive(Debug, QueryableByName)]
pub struct GivenUp {
    #[diesel(sql_type = SqlUuid)]
    pub webhook_id: WebhookId,
    #[diesel(sql_type = BigInt)]
    pub deliveries: i64,
}

/// Gives up what has waited since before an instant, and the oldest of each webhook beyond so many.
pub async fn give_up(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
    most: i64,
    now: DateTime<Utc>,
) -> QueryResult<Vec<GivenUp>> {
    sql_query(
        "WITH gone AS (
            UPDATE webhook_deliveries SET state = 'failed', done_at = $3 WHERE state = 'waiting' AND id IN (
                SELECT id FROM webhook_deliveries WHERE state = 'waiting' AND queued_at < $1
                UNION ALL
                SELECT d.id FROM webhooks w, LATERAL (SELECT id FROM webhook_deliveries
                    WHERE webhook_id = w.id AND state = 'waiting' ORDER BY sequence DESC OFFSET $2) d)
            RETURNING webhook_id)
         SELECT webhook_id, count(*) AS deliveries FROM gone GROUP BY 1 ORDER BY 1",
    )
    .bind::<Timestamptz, _>(before)
    .bind::<BigInt, _>(most)
    .bind::<Timestamptz, _>(now)
    .load(conn)
    .await
}

/// Puts a delivery back into the queue, as if it had never been tried.
pub async fn requeue(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> QueryResult<Option<Delivery>> {
    diesel::update(d::table.find(id))
        .set((
            d::state.eq(DeliveryState::Waiting),
            d::attempts.eq(0),
            d::next_at.eq(at),
            d::queued_at.eq(at),
            d::done_at.eq(None::<DateTime<Utc>>),
        ))
        .returning(Delivery::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// How an attempt went.
#[derive(Debug, AsChangeset)]
#[diesel(table_name = d, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub struct Outcome {
    pub state: DeliveryState,
    pub attempts: i32,
    pub next_at: DateTime<Utc>,
    pub last_at: Option<DateTime<Utc>>,
    pub last_status: Option<i32>,
    pub last_error: Option<String>,
    pub last_ms: Option<i32>,
    pub done_at: Option<DateTime<Utc>>,
}

/// Notes how an attempt went.
pub async fn note(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    outcome: &Outcome,
) -> QueryResult<Option<Delivery>> {
    diesel::update(d::table.find(id))
        .set(outcome)
        .returning(Delivery::as_returning())
        .get_result(conn)
        .await
        .optional()
}

/// The same of what waits: what was given up meanwhile does not wait again. Gives how many.
pub async fn note_missed(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    outcome: &Outcome,
) -> QueryResult<usize> {
    diesel::update(
        d::table
            .find(id)
            .filter(d::state.eq(DeliveryState::Waiting)),
    )
    .set(outcome)
    .execute(conn)
    .await
}

/// Deletes what was finished before.
pub async fn delete_done(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::delete(d::table.filter(d::done_at.lt(before)))
        .execute(conn)
        .await
}

/// Deletes what is finished of what was told of a user.
pub async fn delete_told(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<usize> {
    diesel::delete(d::table.filter(d::user_no.eq(user)))
        .filter(d::state.ne(DeliveryState::Waiting))
        .execute(conn)
        .await
}

/// What is still to be told of a user, locked.
pub async fn lock_waiting(
    conn: &mut AsyncPgConnection,
    user: UserNo,
) -> QueryResult<Vec<(Uuid, String)>> {
    d::table
        .filter(d::user_no.eq(user))
        .filter(d::state.eq(DeliveryState::Waiting))
        .order(d::sequence)
        .select((d::id, d::body))
        .for_no_key_update()
        .load(conn)
        .await
}

/// It is told in other words.
pub async fn rewrite(conn: &mut AsyncPgConnection, id: Uuid, body: &str) -> QueryResult<usize> {
    diesel::update(d::table.find(id))
        .set(d::body.eq(body))
        .execute(conn)
        .await
}

/// How many wait.
pub async fn count_waiting(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    d::table
        .filter(d::state.eq(DeliveryState::Waiting))
        .count()
        .get_result(conn)
        .await
}
