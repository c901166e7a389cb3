//! Nodes: rows of `nodes`.
use crate::{models::NodeNo, schema::nodes};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Notes the first use of a node's present hook secret; false if it was noted before.
pub async fn hook_secret_used(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    at: DateTime<Utc>,
) -> QueryResult<bool> {
    let noted = diesel::update(nodes::table.filter(nodes::number.eq(node)))
        .filter(nodes::hook_secret_used_at.is_null())
        .set(nodes::hook_secret_used_at.eq(at))
        .execute(conn)
        .await?;
    Ok(noted > 0)
}
