//! Who did what: written in the change's own transaction, never changed afterwards (a trigger refuses it).
use crate::schema::audit;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

/// A row of `audit`.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = audit, check_for_backend(diesel::pg::Pg))]
pub struct AuditRow {
    pub number: i64,
    pub principal: String,
    pub action: String,
    pub subject: String,
    pub detail: Value,
    pub at: DateTime<Utc>,
}

/// What was done to these subjects before a number, newest first.
pub async fn of(
    conn: &mut AsyncPgConnection,
    subjects: &[String],
    before: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<AuditRow>> {
    AuditRow::query()
        .filter(audit::subject.eq_any(subjects))
        .filter(audit::number.lt(before.unwrap_or(i64::MAX)))
        .order(audit::number.desc())
        .limit(limit)
        .load(conn)
        .await
}

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
