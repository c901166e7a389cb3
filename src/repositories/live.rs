//! What the live channel asks each second: who may still follow, and how those stand who are followed.
use crate::models::{NodeNo, Role, SessionId, TokenId};
use chrono::{DateTime, Utc};
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Array, BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// A token that is live.
#[derive(QueryableByName)]
pub struct LiveToken {
    #[diesel(sql_type = SqlUuid)]
    pub id: TokenId,
    #[diesel(sql_type = Array<Text>)]
    pub scopes: Vec<String>,
    /// What its owner is now, if it has one.
    #[diesel(sql_type = Nullable<Text>)]
    pub owner: Option<Role>,
}

/// Those of these tokens that are live.
pub async fn live_tokens(
    conn: &mut AsyncPgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
) -> QueryResult<Vec<LiveToken>> {
    sql_query(
        "SELECT t.id, t.scopes, u.role AS owner FROM api_tokens t LEFT JOIN users u ON u.number = t.owner_no
         WHERE t.id = ANY ($1) AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > $2)
            AND u.suspended_at IS NULL AND u.deleted_at IS NULL",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Timestamptz, _>(now)
    .load(conn)
    .await
}

#[derive(QueryableByName)]
struct Logged {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    role: Role,
}

/// Those of these logins that go on, used after this, and what their persons are.
pub async fn live_logins(
    conn: &mut AsyncPgConnection,
    ids: &[Uuid],
    now: DateTime<Utc>,
    used_after: DateTime<Utc>,
) -> QueryResult<Vec<(SessionId, Role)>> {
    let rows: Vec<Logged> = sql_query(
        "SELECT s.id, u.role FROM sessions s JOIN users u ON u.number = s.user_no
         WHERE s.id = ANY ($1) AND s.ended_at IS NULL AND s.expires_at > $2 AND s.used_at > $3
            AND u.suspended_at IS NULL AND u.deleted_at IS NULL",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .bind::<Timestamptz, _>(now)
    .bind::<Timestamptz, _>(used_after)
    .load(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (SessionId(row.id), row.role))
        .collect())
}

/// What a followed user has used.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Used {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = BigInt)]
    pub used: i64,
    #[diesel(sql_type = BigInt)]
    pub used_total: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub quota: Option<i64>,
}

/// How these users stand.
pub async fn used(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<Vec<Used>> {
    sql_query("SELECT id, used, used_total, quota FROM users WHERE id = ANY ($1)")
        .bind::<Array<SqlUuid>, _>(ids)
        .load(conn)
        .await
}

/// Open connections of a followed device.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Open {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
}

/// How these devices stand.
pub async fn open(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<Vec<Open>> {
    sql_query(
        "SELECT d.id, count(c.id) AS connections FROM devices d LEFT JOIN connections c
            ON c.user_no = d.user_no AND c.device_no = d.number AND c.ended_at IS NULL AND c.online_at IS NOT NULL
         WHERE d.id = ANY ($1) GROUP BY d.id",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .load(conn)
    .await
}

/// A followed node.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Followed {
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = BigInt)]
    pub number: NodeNo,
    #[diesel(sql_type = Bool)]
    pub readable: bool,
}

/// These nodes, and whether their stats can be read.
pub async fn nodes(conn: &mut AsyncPgConnection, ids: &[Uuid]) -> QueryResult<Vec<Followed>> {
    sql_query(
        "SELECT n.id, n.number, r.failing_since IS NULL AS readable FROM nodes n
         LEFT JOIN node_readings r ON r.node_no = n.number WHERE n.id = ANY ($1) AND n.deleted_at IS NULL",
    )
    .bind::<Array<SqlUuid>, _>(ids)
    .load(conn)
    .await
}
