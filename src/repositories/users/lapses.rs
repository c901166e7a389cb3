//! Which accounts expired lately, and which wait to be erased: what sweeps ask.
use crate::{
    models::{UserId, UserNo},
    schema::users,
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Notes of at most `limit` accounts that they expired; of those that a clock which ran ahead noted too early, that they
/// did not. Gives how many. Only lists look there.
pub async fn lapse(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<usize> {
    // whoever is being changed right now is noted by the next sweep
    sql_query(
        "WITH due AS (
            (SELECT number FROM users WHERE standing = ANY ('{active,limited,on_hold}') AND expires_at <= $1
             ORDER BY standing, expires_at LIMIT $2)
            UNION ALL
            (SELECT number FROM users WHERE standing = 'expired' AND expires_at > $1 ORDER BY expires_at LIMIT $2)
         ), locked AS (
            SELECT number FROM users WHERE number IN (SELECT number FROM due) ORDER BY number FOR NO KEY UPDATE SKIP LOCKED
         )
         UPDATE users u SET lapsed_at = CASE WHEN u.expires_at <= $1 THEN $1 END FROM locked l WHERE l.number = u.number",
    )
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(limit)
    .execute(conn)
    .await
}

/// Accounts that expired and of which no sweep has noted it yet.
pub(super) async fn lapsing(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
) -> QueryResult<Vec<UserNo>> {
    users::table
        .filter(users::standing.eq_any(["active", "limited", "on_hold"]))
        .filter(users::expires_at.le(now))
        .order((users::standing, users::expires_at))
        .limit(10_000)
        .select(users::number)
        .load(conn)
        .await
}

/// Accounts that were deleted before an instant and are not erased, the oldest first; from one on that was given before.
pub async fn overdue(
    conn: &mut AsyncPgConnection,
    deleted_before: DateTime<Utc>,
    after: Option<(DateTime<Utc>, UserId)>,
    limit: i64,
) -> QueryResult<Vec<(DateTime<Utc>, UserId)>> {
    let mut query = users::table
        .filter(users::deleted_at.lt(deleted_before))
        .filter(users::erased_at.is_null())
        .order((users::deleted_at, users::id))
        .limit(limit)
        .select((users::deleted_at.assume_not_null(), users::id))
        .into_boxed();
    if let Some((at, id)) = after {
        let later = users::deleted_at.gt(at);
        query = query.filter(later.or(users::deleted_at.eq(at).and(users::id.gt(id))));
    }
    query.load(conn).await
}
