//! A short look at a server, for people: which version it is, and what time it has.
use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{Integer, Timestamptz},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use std::time::Duration;
use tokio::time::timeout;

/// Longer than this nobody waits for a look.
const UNANSWERED: Duration = Duration::from_secs(10);

/// What was seen.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub struct Glance {
    /// Such as 150018 for 15.18.
    #[diesel(sql_type = Integer)]
    pub version: i32,
    /// Its clock.
    #[diesel(sql_type = Timestamptz)]
    pub now: DateTime<Utc>,
}

/// Looks.
pub async fn glance(url: &str) -> Result<Glance> {
    let look = async {
        let mut conn = AsyncPgConnection::establish(url).await?;
        let seen = sql_query("SELECT current_setting('server_version_num')::int AS version, clock_timestamp() AS now")
            .get_result(&mut conn)
            .await?;
        Ok(seen)
    };
    timeout(UNANSWERED, look)
        .await
        .context("the database did not answer within 10 s")?
}
