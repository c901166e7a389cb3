//! Pools of connections. A connection is driven by the runtime that opened it, so all are opened on the one that calls
//! [`pool`] (the main one) and never on an HTTP worker: a blocked worker then delays nobody else's query.
use super::Db;
use anyhow::{Context, Result};
use deadpool::{
    Runtime,
    managed::{Hook, HookError},
};
use diesel::{ConnectionError, IntoSql, sql_types::Integer};
use diesel_async::{
    AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool,
    },
};
use std::time::Duration;
use tokio::{runtime::Handle, time::timeout};

/// What a pool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Requests: a connection that rested is asked on its way out whether the server still answers, so that nobody meets
    /// one that is dead. One that was used a moment ago is known to answer; that a server closed it is seen without asking.
    Requests,
    /// Jobs: not checked; their callers try once more.
    Jobs,
}

/// How long a connection may take to open, or to say that it lives.
const PATIENCE: Duration = Duration::from_secs(5);
/// A connection that was used so recently is not asked again.
const RESTED: Duration = Duration::from_secs(1);

const SET_UP: &str =
    "SET application_name = 'hywarden'; SET TIME ZONE 'UTC'; SET statement_timeout = ";

/// `size` connections at most, opened when they are first asked for.
pub fn pool(url: &str, size: usize, purpose: Use) -> Result<Db> {
    let runtime = Handle::current();
    let (statement_timeout, wait) = match purpose {
        Use::Requests => ("'10s'", 2),
        Use::Jobs => ("'60s'", 10),
    };
    let mut config = ManagerConfig::default();
    config.recycling_method = RecyclingMethod::Fast;
    config.custom_setup = Box::new(move |url| {
        let (url, runtime) = (url.to_owned(), runtime.clone());
        Box::pin(async move {
            runtime
                .spawn(open(url, statement_timeout))
                .await
                .map_err(|e| ConnectionError::BadConnection(e.to_string()))?
        })
    });
    let mut pool = Pool::builder(AsyncDieselConnectionManager::new_with_config(url, config));
    if purpose == Use::Requests {
        pool = pool.pre_recycle(Hook::async_fn(|conn, metrics| {
            Box::pin(async move {
                if metrics.last_used() < RESTED {
                    return Ok(());
                }
                let asked = diesel::select(1.into_sql::<Integer>()).execute(conn);
                match timeout(PATIENCE, asked).await {
                    Ok(Ok(_)) => Ok(()),
                    _ => Err(HookError::message("it does not answer")),
                }
            })
        }));
    }
    pool.max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(Duration::from_secs(wait)))
        .create_timeout(Some(PATIENCE))
        .recycle_timeout(Some(PATIENCE))
        .build()
        .context("database pool")
}

async fn open(url: String, statement_timeout: &str) -> Result<AsyncPgConnection, ConnectionError> {
    let mut conn = AsyncPgConnection::establish(&url).await?;
    conn.batch_execute(&format!("{SET_UP}{statement_timeout}"))
        .await
        .map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}
