//! Who did what: written in the change's own transaction, never changed afterwards (a trigger refuses it).
mod list;

pub use list::{Before, Filter, list};

use crate::{models::UserNo, schema::audit};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

/// What was done to these subjects before a number, newest first.
pub async fn of(
    conn: &mut AsyncPgConnection,
    subjects: &[String],
    before: Option<i64>,
    limit: i64,
) -> QueryResult<Vec<Entry>> {
    Entry::query()
        .filter(audit::subject.eq_any(subjects))
        .filter(audit::number.lt(before.unwrap_or(i64::MAX)))
        .order(audit::number.desc())
        .limit(limit)
        .load(conn)
        .await
}

/// A row to be written. `detail` holds what changed, never a secret and nothing personal.
#[derive(Debug, Insertable)]
#[diesel(table_name = audit, check_for_backend(diesel::pg::Pg))]
pub struct NewEntry<'a> {
    /// `cli:<uid>`, `token:<id>`, `user:<id>`, `system`.
    pub principal: &'a str,
    /// `user.create`.
    pub action: &'a str,
    /// `user:<id>`.
    pub subject: &'a str,
    pub detail: Value,
    pub at: DateTime<Utc>,
    #[diesel(column_name = user_no)]
    pub user: Option<UserNo>,
    /// Personal details, sealed under the user's own key.
    pub personal: Option<Vec<u8>>,
}

impl<'a> NewEntry<'a> {
    /// About nobody's person.
    pub fn plain(
        principal: &'a str,
        action: &'a str,
        subject: &'a str,
        detail: Value,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            principal,
            action,
            subject,
            detail,
            at,
            user: None,
            personal: None,
        }
    }
}

/// Writes a row.
pub async fn insert(conn: &mut AsyncPgConnection, new: NewEntry<'_>) -> QueryResult<()> {
    insert_all(conn, vec![new]).await
}

/// Writes some rows.
pub async fn insert_all(conn: &mut AsyncPgConnection, new: Vec<NewEntry<'_>>) -> QueryResult<()> {
    diesel::insert_into(audit::table)
        .values(new)
        .execute(conn)
        .await?;
    Ok(())
}

/// A row of `audit`.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = audit, check_for_backend(diesel::pg::Pg))]
pub struct Entry {
    pub number: i64,
    pub principal: String,
    pub action: String,
    pub subject: String,
    pub detail: Value,
    pub at: DateTime<Utc>,
    pub user_no: Option<UserNo>,
    pub personal: Option<Vec<u8>>,
}
