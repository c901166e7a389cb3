//! Who did what: written in the change's own transaction, never changed afterwards (a trigger refuses it).
use crate::{
    models::{UserNo, storable},
    schema::audit,
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{BigInt, Bool, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
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

/// Which rows.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub principal: Option<String>,
    /// The whole action, or its noun with a dot: `user.`.
    pub action: Option<String>,
    pub subject: Option<String>,
    pub user: Option<UserNo>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// Only rows before this one.
    pub before: Option<Before>,
    pub limit: i64,
}

/// A row's place in the order of time: when, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before(
    #[serde(deserialize_with = "storable")] pub DateTime<Utc>,
    pub i64,
);

/// One page, newest first. Every filter has its index in this order, which a span of time narrows further.
pub async fn list(conn: &mut AsyncPgConnection, filter: &Filter) -> QueryResult<Vec<Entry>> {
    let mut query = Entry::query()
        .order((audit::at.desc(), audit::number.desc()))
        .limit(filter.limit)
        .into_boxed();
    if let Some(principal) = &filter.principal {
        query = query.filter(audit::principal.eq(principal));
    }
    if let Some(action) = &filter.action {
        query = if let Some(noun) = action.strip_suffix('.') {
            let first = noun.split('.').next().unwrap_or_default();
            query.filter(
                sql::<Bool>("split_part(action, '.', 1) = ")
                    .bind::<Text, _>(first.to_owned())
                    .sql(" AND starts_with(action, ")
                    .bind::<Text, _>(format!("{noun}."))
                    .sql(")"),
            )
        } else {
            query.filter(audit::action.eq(action))
        };
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(audit::subject.eq(subject));
    }
    if let Some(user) = filter.user {
        query = query.filter(audit::user_no.eq(user));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit::at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit::at.lt(to));
    }
    if let Some(Before(at, number)) = filter.before {
        query = query.filter(
            sql::<Bool>("(at, number) < (")
                .bind::<Timestamptz, _>(at)
                .sql(", ")
                .bind::<BigInt, _>(number)
                .sql(")"),
        );
    }
    query.load(conn).await
}
