//! A key for the personal details of each user.
use crate::{models::UserNo, schema::user_keys};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// The keys of these users, sealed.
pub async fn list(
    conn: &mut AsyncPgConnection,
    users: &[UserNo],
) -> QueryResult<Vec<(UserNo, Vec<u8>)>> {
    user_keys::table
        .filter(user_keys::user_no.eq_any(users))
        .select((user_keys::user_no, user_keys::key_sealed))
        .load(conn)
        .await
}

/// Keeps a user's key, unless there is one.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    sealed: &[u8],
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::insert_into(user_keys::table)
        .values((
            user_keys::user_no.eq(user),
            user_keys::key_sealed.eq(sealed),
            user_keys::created_at.eq(at),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
}

/// What was sealed under it is noise from now on.
pub async fn delete(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<usize> {
    diesel::delete(user_keys::table.find(user))
        .execute(conn)
        .await
}
