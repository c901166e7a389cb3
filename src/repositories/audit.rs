//! Who did what: written in the change's own transaction, never changed afterwards (a trigger refuses it).
use crate::schema::audit;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

/// Notes that `principal` (`cli:<uid>`, `token:<id>`) did `action` (`user.create`) to `subject` (`user:<id>`).
/// `detail` holds what changed, and never a secret.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    principal: &str,
    action: &'static str,
    subject: &str,
    detail: Value,
    at: DateTime<Utc>,
) -> QueryResult<()> {
    diesel::insert_into(audit::table)
        .values((
            audit::principal.eq(principal),
            audit::action.eq(action),
            audit::subject.eq(subject),
            audit::detail.eq(detail),
            audit::at.eq(at),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
