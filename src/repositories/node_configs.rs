//! What nodes' server configurations were made from, version by version.
use crate::{
    models::{NodeConfigRow, NodeNo},
    schema::node_configs,
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

/// A version to be written down.
#[derive(Debug, Insertable)]
#[diesel(table_name = node_configs, check_for_backend(diesel::pg::Pg))]
pub struct NewNodeConfig<'a> {
    pub node_no: NodeNo,
    pub version: i32,
    pub reason: &'a str,
    pub made_by: &'a str,
    pub settings: Value,
    pub obfs_password_sealed: Option<Vec<u8>>,
    pub stats_secret_sealed: Vec<u8>,
    pub created_at: DateTime<Utc>,
}

/// Writes a version down, and forgets all but the last `kept`.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    new: &NewNodeConfig<'_>,
    kept: i32,
) -> QueryResult<()> {
    diesel::insert_into(node_configs::table)
        .values(new)
        .execute(conn)
        .await?;
    diesel::delete(node_configs::table.filter(node_configs::node_no.eq(new.node_no)))
        .filter(node_configs::version.le(new.version - kept))
        .execute(conn)
        .await?;
    Ok(())
}

/// One page, the newest first.
pub async fn list(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    before: Option<i32>,
    limit: i64,
) -> QueryResult<Vec<NodeConfigRow>> {
    NodeConfigRow::query()
        .filter(node_configs::node_no.eq(node))
        .filter(node_configs::version.lt(before.unwrap_or(i32::MAX)))
        .order(node_configs::version.desc())
        .limit(limit)
        .load(conn)
        .await
}

/// One version.
pub async fn find(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    version: i32,
) -> QueryResult<Option<NodeConfigRow>> {
    NodeConfigRow::query()
        .filter(node_configs::node_no.eq(node))
        .filter(node_configs::version.eq(version))
        .first(conn)
        .await
        .optional()
}
