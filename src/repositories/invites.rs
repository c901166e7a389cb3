//! Invitations to make an account.
use crate::{
    models::{Role, UserNo},
    schema::invites,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// A row of `invites`.
#[derive(Clone, Debug, HasQuery, Identifiable)]
#[diesel(table_name = invites, check_for_backend(diesel::pg::Pg))]
pub struct Invite {
    pub id: Uuid,
    pub email: Option<String>,
    pub role: Role,
    pub quota: Option<i64>,
    pub valid_for_seconds: Option<i64>,
    pub note: String,
    pub created_by: String,
    pub inviter_no: Option<UserNo>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub used_by: Option<UserNo>,
    pub revoked_at: Option<DateTime<Utc>>,
}

/// An invitation to be stored.
#[derive(Debug, Insertable)]
#[diesel(table_name = invites, check_for_backend(diesel::pg::Pg))]
pub struct NewInvite<'a> {
    pub id: Uuid,
    pub secret_hash: &'a [u8],
    pub email: Option<&'a str>,
    pub role: Role,
    pub quota: Option<i64>,
    pub valid_for_seconds: Option<i64>,
    pub note: &'a str,
    pub created_by: &'a str,
    pub inviter_no: Option<UserNo>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// Stores an invitation.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewInvite<'_>) -> QueryResult<Invite> {
    diesel::insert_into(invites::table)
        .values(new)
        .returning(Invite::as_returning())
        .get_result(conn)
        .await
}

/// One page of invitations, newest first.
pub async fn list(
    conn: &mut AsyncPgConnection,
    before: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<Invite>> {
    let mut query = Invite::query()
        .order(invites::id.desc())
        .limit(limit)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(invites::id.lt(before));
    }
    query.load(conn).await
}

/// An invitation that can still be taken, locked until the transaction ends.
pub async fn lock(
    conn: &mut AsyncPgConnection,
    hash: &[u8],
    now: DateTime<Utc>,
) -> QueryResult<Option<Invite>> {
    invites::table
        .filter(invites::secret_hash.eq(hash))
        .filter(invites::used_at.is_null())
        .filter(invites::revoked_at.is_null())
        .filter(invites::expires_at.gt(now))
        .select(Invite::as_select())
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// Notes who took it.
pub async fn take(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    user: UserNo,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(invites::table.find(id))
        .set((invites::used_at.eq(at), invites::used_by.eq(user)))
        .execute(conn)
        .await
}

/// Takes an invitation back; `None`: there is no such open one.
pub async fn revoke(
    conn: &mut AsyncPgConnection,
    id: Uuid,
    at: DateTime<Utc>,
) -> QueryResult<Option<Invite>> {
    diesel::update(invites::table.find(id))
        .filter(invites::used_at.is_null())
        .filter(invites::revoked_at.is_null())
        .set(invites::revoked_at.eq(at))
        .returning(Invite::as_returning())
        .get_result(conn)
        .await
        .optional()
}
