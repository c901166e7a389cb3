//! Work that one transaction does at a time, whichever instance it is of.
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Bool, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// Whether this transaction is the one that does this work, until it ends.
pub(super) async fn try_lock(conn: &mut AsyncPgConnection, work: &str) -> QueryResult<bool> {
    // schemas of one database are installations of their own, advisory locks are not
    let taken: Taken = sql_query(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('hywarden.' || $1 || '.' || current_schema(), 0)) AS taken",
    )
    .bind::<Text, _>(work)
    .get_result(conn)
    .await?;
    Ok(taken.taken)
}

/// Waits until nobody does this work; nobody does until this transaction ends.
pub(super) async fn lock(conn: &mut AsyncPgConnection, work: &str) -> QueryResult<()> {
    sql_query("SELECT pg_advisory_xact_lock(hashtextextended('hywarden.' || $1 || '.' || current_schema(), 0))")
        .bind::<Text, _>(work)
        .execute(conn)
        .await?;
    Ok(())
}
