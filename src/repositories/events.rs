//! What happened, for everybody who wants to know: the row and its place in the outbox, in one transaction.
use crate::{
    models::{DeviceNo, NodeNo, Severity, UserNo},
    schema::{events, outbox},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

/// An event to be written. `data` never holds a secret.
#[derive(Debug, Insertable)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg))]
pub struct NewEvent<'a> {
    /// `noun.happened`, such as `user.limited`.
    pub kind: &'static str,
    pub severity: Severity,
    /// Who caused it: a principal, or the part of the program.
    pub actor: &'a str,
    #[diesel(column_name = user_no)]
    pub user: Option<UserNo>,
    #[diesel(column_name = device_no)]
    pub device: Option<DeviceNo>,
    #[diesel(column_name = node_no)]
    pub node: Option<NodeNo>,
    pub data: Value,
    pub at: DateTime<Utc>,
}

/// Writes an event and its outbox row.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewEvent<'_>) -> QueryResult<()> {
    insert_all(conn, std::slice::from_ref(new)).await
}

/// Writes many events and their outbox rows.
pub async fn insert_all(conn: &mut AsyncPgConnection, new: &[NewEvent<'_>]) -> QueryResult<()> {
    // eight binds a row, of 65,535
    for part in new.chunks(5_000) {
        let written: Vec<(i64, DateTime<Utc>)> = diesel::insert_into(events::table)
            .values(part)
            .returning((events::number, events::at))
            .get_results(conn)
            .await?;
        let rows: Vec<_> = written
            .into_iter()
            .map(|(number, at)| (outbox::event.eq(number), outbox::at.eq(at)))
            .collect();
        diesel::insert_into(outbox::table)
            .values(rows)
            .execute(conn)
            .await?;
    }
    Ok(())
}
