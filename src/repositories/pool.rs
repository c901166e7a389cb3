//! Pools of connections. A connection is driven by the runtime that opened it, so all are opened on the one that calls
//! [`pool`] (the main one) and never on an HTTP worker: a blocked worker then delays nobody else's query.
use super::Db;
use anyhow::{Context, Result};
use deadpool::Runtime;
use diesel::ConnectionError;
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool,
    },
};
use std::time::Duration;
use tokio::runtime::Handle;

/// What a pool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Requests: each connection is checked on its way out, so that nobody meets one that the server has closed.
    Requests,
    /// Jobs: not checked; their callers try once more.
    Jobs,
}

const SET_UP: &str =
    "SET application_name = 'hywarden'; SET TIME ZONE 'UTC'; SET statement_timeout = ";

/// `size` connections at most, opened when they are first asked for.
pub fn pool(url: &str, size: usize, purpose: Use) -> Result<Db> {
    let runtime = Handle::current();
    let (recycling, statement_timeout, wait) = match purpose {
        Use::Requests => (RecyclingMethod::Verified, "'10s'", 2),
        Use::Jobs => (RecyclingMethod::Fast, "'60s'", 10),
    };
    let mut config = ManagerConfig::default();
    config.recycling_method = recycling;
    config.custom_setup = Box::new(move |url| {
        let (url, runtime) = (url.to_owned(), runtime.clone());
        Box::pin(async move {
            runtime
                .spawn(open(url, statement_timeout))
                .await
                .map_err(|e| ConnectionError::BadConnection(e.to_string()))?
        })
    });
    Pool::builder(AsyncDieselConnectionManager::new_with_config(url, config))
        .max_size(size)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(Duration::from_secs(wait)))
        .create_timeout(Some(Duration::from_secs(5)))
        .recycle_timeout(Some(Duration::from_secs(5)))
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
