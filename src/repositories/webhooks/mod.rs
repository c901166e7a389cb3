//! Webhooks; what they are told is `deliveries`.
mod deliveries;

pub use deliveries::{
    GivenUp, Log, NewDelivery, Outcome, claim, count_waiting, delete_done, delete_told,
    find_delivery, give_up, insert_deliveries, lock_waiting, log, note, note_missed, requeue,
    rewrite,
};

use crate::{
    models::{DeliveryState, Named, Webhook, WebhookId},
    schema::{webhook_deliveries as d, webhooks as w},
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
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
