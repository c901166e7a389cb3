//! Which instances there are: each holds a session lock, exclusive when it may be the only one.
use diesel::{
    ConnectionResult, QueryResult, QueryableByName, sql_query,
    sql_types::{Bool, Text},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

/// The lock belongs to the schema, not the database: an installation is one schema.
const LOCK: &str = "hashtextextended('hywarden.instance.' || current_schema(), 0)";

#[derive(QueryableByName)]
struct Taken {
    #[diesel(sql_type = Bool)]
    taken: bool,
}

/// A session of its own, outside of every pool: the lock ends with it.
pub async fn open_session(url: &str) -> ConnectionResult<AsyncPgConnection> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    sql_query("SELECT set_config('application_name', $1, false)")
        .bind::<Text, _>("hywarden instance")
        .execute(&mut conn)
        .await
        .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}

/// Takes the lock for as long as the session lives; false: others hold it in a way that excludes this.
pub async fn try_lock(conn: &mut AsyncPgConnection, shared: bool) -> QueryResult<bool> {
    let function = if shared {
        "pg_try_advisory_lock_shared"
    } else {
        "pg_try_advisory_lock"
    };
    let taken: Taken = sql_query(format!("SELECT {function}({LOCK}) AS taken"))
        .get_result(conn)
        .await?;
    Ok(taken.taken)
}

/// Whether the session still lives.
pub async fn is_alive(conn: &mut AsyncPgConnection) -> bool {
    sql_query("SELECT 1").execute(conn).await.is_ok()
}
