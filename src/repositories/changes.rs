//! The change log: what directories read to stay true. A row stands in the same transaction as what it tells of.
use crate::{
    models::{NodeNo, UserNo},
    schema::changes,
};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_query,
    sql_types::{BigInt, Bool, Text},
};
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

/// The present snapshot, as text: everything that it sees is done.
pub async fn snapshot(conn: &mut AsyncPgConnection) -> QueryResult<String> {
    diesel::select(sql::<Text>("pg_current_snapshot()::text"))
        .get_result(conn)
        .await
}

#[derive(QueryableByName)]
struct Stale {
    #[diesel(sql_type = Bool)]
    stale: bool,
}

/// Whether what a user is given to connect with may have changed since a snapshot: the user, or any node. So it may where
/// the snapshot is of days that were taken back, when the database was restored.
pub async fn are_later(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    seen: &str,
) -> QueryResult<bool> {
    let found: Stale = sql_query(
        "SELECT EXISTS (SELECT FROM changes WHERE kind = 'user' AND entity = $2
                AND xid >= pg_snapshot_xmin($1::pg_snapshot)::text::int8
                AND NOT pg_visible_in_snapshot(xid::text::xid8, $1::pg_snapshot))
            OR EXISTS (SELECT FROM changes WHERE kind = 'node'
                AND xid >= pg_snapshot_xmin($1::pg_snapshot)::text::int8
                AND NOT pg_visible_in_snapshot(xid::text::xid8, $1::pg_snapshot))
            OR pg_snapshot_xmax($1::pg_snapshot) > pg_snapshot_xmax(pg_current_snapshot()) AS stale",
    )
    .bind::<Text, _>(seen)
    .bind::<BigInt, _>(user)
    .get_result(conn)
    .await?;
    Ok(found.stale)
}

#[diesel::declare_sql_function]
extern "SQL" {
    fn pg_notify(channel: Text, payload: Text);
}
