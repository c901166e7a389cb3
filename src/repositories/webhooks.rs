//! Webhooks and their deliveries.
use crate::{
    models::{Delivery, DeliveryState, Named, UserNo, Webhook, WebhookId},
    schema::{webhook_deliveries as d, webhooks as w},
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// A webhook to be stored.
#[derive(Debug, Insertable)]
#[diesel(table_name = w, check_for_backend(diesel::pg::Pg))]
pub struct NewWebhook<'a> {
    pub id: WebhookId,
    pub name: &'a str,
    pub url: &'a str,
    pub events: &'a [String],
    pub secret_sealed: &'a [u8],
    pub enabled: bool,
    pub created_by: &'a str,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Stores a webhook.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewWebhook<'_>) -> QueryResult<Webhook> {
    diesel::insert_into(w::table)
        .values(new)
        .returning(Webhook::as_returning())
        .get_result(conn)
        .await
}

/// A webhook by id or name.
pub async fn find(conn: &mut AsyncPgConnection, which: &Named) -> QueryResult<Option<Webhook>> {
    let query = Webhook::query().into_boxed();
    let query = match which {
        Named::Id(id) => query.filter(w::id.eq(*id)),
        Named::Name(name) => query.filter(
            sql::<Bool>("lower(webhooks.name) = lower(")
                .bind::<Text, _>(name)
                .sql(")"),
        ),
    };
    query.first(conn).await.optional()
}

/// The same, locked until the transaction ends.
pub async fn lock(conn: &mut AsyncPgConnection, which: &Named) -> QueryResult<Option<Webhook>> {
    let Some(found) = find(conn, which).await? else {
        return Ok(None);
    };
    let locked = Webhook::query().filter(w::id.eq(found.id));
    locked.for_no_key_update().first(conn).await.optional()
}

/// How many there are.
pub async fn count(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    w::table.count().get_result(conn).await
}

/// One page, by id.
pub async fn list(
    conn: &mut AsyncPgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<Webhook>> {
    let mut query = Webhook::query().order(w::id).limit(limit).into_boxed();
    if let Some(after) = after {
        query = query.filter(w::id.gt(after));
    }
    query.load(conn).await
}

/// Those that want to hear of anything.
pub async fn list_enabled(conn: &mut AsyncPgConnection) -> QueryResult<Vec<Webhook>> {
    Webhook::query()
        .filter(w::enabled)
        .order(w::id)
        .load(conn)
        .await
}

/// Writes a changed webhook back.
pub async fn update(conn: &mut AsyncPgConnection, webhook: &Webhook) -> QueryResult<Webhook> {
    diesel::update(w::table.find(webhook.id))
        .set(webhook)
        .returning(Webhook::as_returning())
        .get_result(conn)
        .await
}

/// Removes a webhook with its deliveries.
pub async fn delete(conn: &mut AsyncPgConnection, id: WebhookId) -> QueryResult<usize> {
    diesel::delete(w::table.find(id)).execute(conn).await
}

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

/// Webhooks with something due, that do not rest.
pub async fn list_due(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
) -> QueryResult<Vec<WebhookId>> {
    w::table
        .filter(w::enabled)
        .filter(w::resting_until.is_null().or(w::resting_until.le(now)))
        .filter(diesel::dsl::exists(
            d::table
                .filter(d::webhook_id.eq(w::id))
                .filter(d::state.eq(DeliveryState::Waiting))
                .filter(d::next_at.le(now)),
        ))
        .order(w::id)
        .select(w::id)
        .load(conn)
        .await
}

/// A webhook as it is now, if it may be called.
pub async fn find_awake(
    conn: &mut AsyncPgConnection,
    id: WebhookId,
    now: DateTime<Utc>,
) -> QueryResult<Option<Webhook>> {
    Webhook::query()
        .filter(w::id.eq(id))
        .filter(w::enabled)
        .filter(w::resting_until.is_null().or(w::resting_until.le(now)))
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

/// It answered: everything that waits for it may be tried at once.
pub async fn awake(conn: &mut AsyncPgConnection, id: WebhookId, url: &str) -> QueryResult<usize> {
    diesel::update(w::table.find(id))
        .filter(w::url.eq(url).and(w::failures.gt(0)))
        .set((
            w::failures.eq(0),
            w::resting_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await
}

/// It failed for so many rounds, at this URL: it rests.
pub async fn rest(
    conn: &mut AsyncPgConnection,
    id: WebhookId,
    url: &str,
    failures: i32,
    until: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(w::table.find(id))
        .filter(w::url.eq(url))
        .set((w::failures.eq(failures), w::resting_until.eq(until)))
        .execute(conn)
        .await
}

/// It wants no more at this URL. `0`: it is called elsewhere by now, or no more.
pub async fn disable(
    conn: &mut AsyncPgConnection,
    id: WebhookId,
    url: &str,
    reason: &str,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(w::table.find(id))
        .filter(w::url.eq(url).and(w::enabled))
        .set((
            w::enabled.eq(false),
            w::disabled_reason.eq(reason),
            w::updated_at.eq(at),
            w::version.eq(w::version + 1),
        ))
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
