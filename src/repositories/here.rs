//! Who is on a node, as its last answers said.
use crate::{
    models::{NodeNo, UserId},
    schema::connections,
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// A user with open connections on a node.
#[derive(Clone, Debug, QueryableByName)]
pub struct UserHere {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = SqlUuid)]
    pub id: UserId,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = BigInt)]
    pub connections: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub since: Option<DateTime<Utc>>,
}

/// One page, in the order of their making.
pub async fn users(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    after: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<UserHere>> {
    sql_query(
        "SELECT u.number, u.id, u.name, c.connections, c.since
         FROM (SELECT user_no, count(*) AS connections, min(admitted_at) AS since FROM connections
               WHERE node_no = $1 AND ended_at IS NULL AND online_at IS NOT NULL AND user_no > $2
               GROUP BY user_no ORDER BY user_no LIMIT $3) c
         JOIN users u ON u.number = c.user_no ORDER BY u.number",
    )
    .bind::<BigInt, _>(node.0)
    .bind::<BigInt, _>(after.unwrap_or(0))
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// Open connections of a node, and how many users have one.
pub async fn count(conn: &mut AsyncPgConnection, node: NodeNo) -> QueryResult<(i64, i64)> {
    connections::table
        .filter(connections::node_no.eq(node))
        .filter(connections::ended_at.is_null())
        .filter(connections::online_at.is_not_null())
        .select((
            diesel::dsl::count_star(),
            diesel::dsl::count(connections::user_no).aggregate_distinct(),
        ))
        .first(conn)
        .await
}
