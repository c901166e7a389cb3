//! The change log: what directories read to stay true. A row stands in the same transaction as what it tells of.
use crate::{
    models::{NodeNo, UserNo},
    schema::changes,
};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// The channel that hurries readers of the log; the log itself is the guarantee.
pub const CHANNEL: &str = "hywarden_changes";

/// What must be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A user, its devices, its credentials and its rights.
    User(UserNo),
    /// A node and who may use it.
    Node(NodeNo),
    /// A setting of the installation.
    Settings,
}

impl Change {
    fn row(self) -> (&'static str, i64) {
        match self {
            Self::User(no) => ("user", no.0),
            Self::Node(no) => ("node", no.0),
            Self::Settings => ("settings", 0),
        }
    }
}

/// Notes one change.
pub async fn insert(conn: &mut AsyncPgConnection, change: Change) -> QueryResult<()> {
    insert_all(conn, &[change]).await
}

/// Notes many changes in one statement.
pub async fn insert_all(conn: &mut AsyncPgConnection, all: &[Change]) -> QueryResult<()> {
    // four binds a row, of 65,535
    for part in all.chunks(10_000) {
        let rows: Vec<_> = part
            .iter()
            .map(|change| {
                let (kind, entity) = change.row();
                (changes::kind.eq(kind), changes::entity.eq(entity))
            })
            .collect();
        diesel::insert_into(changes::table)
            .values(rows)
            .execute(conn)
            .await?;
    }
    if !all.is_empty() {
        diesel::select(pg_notify(CHANNEL, "")).execute(conn).await?;
    }
    Ok(())
}

/// Hurries readers of the log: rows were written beside it.
pub async fn announce(conn: &mut AsyncPgConnection) -> QueryResult<()> {
    diesel::select(pg_notify(CHANNEL, "")).execute(conn).await?;
    Ok(())
}

/// Removes what every reader has long applied.
pub async fn delete_before(
    conn: &mut AsyncPgConnection,
    before: chrono::DateTime<chrono::Utc>,
) -> QueryResult<usize> {
    diesel::delete(changes::table.filter(changes::at.lt(before)))
        .execute(conn)
        .await
}

#[diesel::declare_sql_function]
extern "SQL" {
    fn pg_notify(channel: diesel::sql_types::Text, payload: diesel::sql_types::Text);
}
