//! The migrations, built in. They run under an advisory lock, so instances that start together migrate once; where
//! nothing is pending nobody waits for it.
use anyhow::{Context, Result, anyhow};
use diesel::{
    Connection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_query,
    sql_types::Bool,
};
use diesel_async::{AsyncPgConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use tokio::task::spawn_blocking;

const ALL: EmbeddedMigrations = embed_migrations!("migrations");
/// "hywarden" as a number: the lock of migrations.
const LOCK: i64 = 0x6879_7761_7264_656e;

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its folder's name.
    pub name: String,
    /// Whether the database has it.
    pub applied: bool,
}

/// All migrations, oldest first, and whether the database has them. Changes nothing.
pub async fn status(url: &str) -> Result<Vec<Step>> {
    connected(url, |conn| {
        let known: Vec<Box<dyn Migration<Pg>>> = ALL.migrations().map_err(plain)?;
        let applied = applied(conn)?;
        let mut steps: Vec<_> = known
            .iter()
            .map(|migration| Step {
                name: migration.name().to_string(),
                applied: applied.contains(&migration.name().version().to_string()),
            })
            .collect();
        steps.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(steps)
    })
    .await
}

/// The names of those that the database does not have.
pub async fn pending(url: &str) -> Result<Vec<String>> {
    let steps = status(url).await?;
    Ok(steps
        .into_iter()
        .filter(|step| !step.applied)
        .map(|step| step.name)
        .collect())
}

/// Brings the tables up to date; gives the names of what was run.
pub async fn up(url: &str) -> Result<Vec<String>> {
    if pending(url).await?.is_empty() {
        return Ok(Vec::new());
    }
    locked(url, |conn| {
        let run = conn.run_pending_migrations(ALL).map_err(plain)?;
        Ok(run.iter().map(ToString::to_string).collect())
    })
    .await
}

/// Takes the newest `steps` migrations back, with the data that they hold; gives their versions.
pub async fn down(url: &str, steps: usize) -> Result<Vec<String>> {
    locked(url, move |conn| {
        let applied = conn.applied_migrations().map_err(plain)?.len();
        (0..steps.min(applied))
            .map(|_| {
                let version = conn.revert_last_migration(ALL).map_err(plain)?;
                Ok(version.to_string())
            })
            .collect()
    })
    .await
}

type Blocking = AsyncConnectionWrapper<AsyncPgConnection>;

/// Under the lock of migrations, which ends with the connection.
async fn locked<T: Send + 'static>(
    url: &str,
    work: impl FnOnce(&mut Blocking) -> Result<T> + Send + 'static,
) -> Result<T> {
    connected(url, move |conn| {
        conn.batch_execute(&format!("SELECT pg_advisory_lock({LOCK})"))?;
        work(conn)
    })
    .await
}

/// Migrations block their thread, so they get one of their own; works on a runtime of any kind.
async fn connected<T: Send + 'static>(
    url: &str,
    work: impl FnOnce(&mut Blocking) -> Result<T> + Send + 'static,
) -> Result<T> {
    let url = url.to_owned();
    spawn_blocking(move || {
        let mut conn = Blocking::establish(&url).context("cannot reach the database")?;
        conn.batch_execute("SET TIME ZONE 'UTC'; SET client_min_messages = warning")?;
        work(&mut conn)
    })
    .await?
}

#[derive(QueryableByName)]
struct Journal {
    #[diesel(sql_type = Bool)]
    exists: bool,
}

/// What the database has. Asked without the harness where it has nothing: that would make its journal, and two
/// instances that make it at once run into each other.
fn applied(conn: &mut Blocking) -> Result<Vec<String>> {
    let journal: Journal =
        sql_query("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL AS exists")
            .get_result(conn)?;
    if !journal.exists {
        return Ok(Vec::new());
    }
    let versions = conn.applied_migrations().map_err(plain)?;
    Ok(versions.iter().map(ToString::to_string).collect())
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn plain(why: Box<dyn std::error::Error + Send + Sync>) -> anyhow::Error {
    anyhow!("{why}").context("migrations")
}
