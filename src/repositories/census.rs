//! How many accounts and devices there are, by status: for the figures, never for a decision.
use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// So many have this status.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Count {
    /// As the API spells it.
    #[diesel(sql_type = Text)]
    pub status: String,
    /// How many.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
}

/// Accounts that are not erased, in the order of `User::status`.
pub async fn users(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
) -> diesel::QueryResult<Vec<Count>> {
    sql_query(include_str!("sql/count_users.sql"))
        .bind::<Timestamptz, _>(now)
        .load(conn)
        .await
}

/// Devices that are not removed.
pub async fn devices(conn: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<Count>> {
    sql_query(include_str!("sql/count_devices.sql"))
        .load(conn)
        .await
}
