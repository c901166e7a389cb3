//! The composition root: settings become stores, stores services, services a server and jobs. Nothing else constructs.
use crate::{
    clock::SystemClock,
    config::{Migrate, Settings},
    database::{self, Database},
    repositories::{Use, pool},
    services::keys,
    telemetry::{Metrics, listener},
};
use anyhow::{Result, bail};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Runs until SIGTERM or SIGINT.
pub async fn run(settings: Settings) -> Result<()> {
    let (mut term, mut int) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let db = Database::open(&settings).await?;
    let served = tokio::select! {
        served = serve(&settings, &db) => served,
        _ = term.recv() => Ok(()),
        _ = int.recv() => Ok(()),
    };
    db.close().await.and(served)
}

async fn serve(settings: &Settings, db: &Database) -> Result<()> {
    migrate(settings, db.url()).await?;
    let api = pool(db.url(), settings.database.pool, Use::Requests)?;
    let mut conn = api.get().await?;
    let _keys = keys::open(&mut conn, &settings.keys_file(), Arc::new(SystemClock)).await?;
    drop(conn);
    let metrics = Metrics::new()?;
    if let Some(at) = settings.metrics.listen {
        let (server, at) = listener::listen(at, metrics, Arc::new(|_| {}))?;
        println!("metrics: http://{at}/metrics");
        server.await?;
    }
    std::future::pending().await
}

/// Brings the tables up to date, or refuses to run on old ones.
pub async fn migrate(settings: &Settings, url: &str) -> Result<()> {
    match settings.database.migrate {
        Migrate::Auto => {
            for step in database::up(url).await? {
                tracing::info!(step, "migrated");
            }
        }
        Migrate::Manual => {
            let pending = database::pending(url).await?;
            if !pending.is_empty() {
                bail!(
                    "the database lacks {} and database.migrate is manual: run `hywarden migrate up`",
                    pending.join(", ")
                )
            }
        }
    }
    Ok(())
}
