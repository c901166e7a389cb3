//! The composition root: settings become stores, stores services, services listeners and jobs. Nothing else constructs.
//!
//! `parts` builds what decides and counts, `counting` starts the jobs that count, `listeners` opens the doors, `figures` fills the gauges at each scrape.
mod counting;
mod figures;
mod listeners;
mod logins;
mod parts;

pub use listeners::Addresses;
pub use logins::setup_link;
pub use parts::Parts;

use crate::{
    clock::{Clock, SystemClock},
    config::{Migrate, Settings},
    database::{self, Database},
    jobs::Crew,
};
use anyhow::{Result, bail};
use listeners::{Bound, Listeners};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The running program.
pub struct App {
    pub addresses: Addresses,
    parts: Parts,
    listeners: Listeners,
    crew: Crew,
    database: Database,
}

impl App {
    /// Starts everything; returns when the doors are open. The directory may still be filling: logins wait for it.
    pub async fn start(settings: &Settings, clock: Arc<dyn Clock>) -> Result<Self> {
        let database = Database::open(settings).await?;
        match Self::on(settings, clock, &database).await {
            Ok((addresses, parts, listeners, crew)) => Ok(Self {
                addresses,
                parts,
                listeners,
                crew,
                database,
            }),
            Err(why) => {
                // what stopped the start is said; how the database ended is not
                let _ = database.close().await;
                Err(why)
            }
        }
    }

    async fn on(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        database: &Database,
    ) -> Result<(Addresses, Parts, Listeners, Crew)> {
        migrate(settings, database.url()).await?;
        let mut crew = Crew::new(CancellationToken::new());
        let bound = Bound::take(settings)?;
        let doors = (bound.api()?, bound.hook()?);
        let parts = Parts::build(settings, database, doors, clock, &mut crew).await?;
        let (listeners, addresses) = Listeners::open(bound, settings, &parts, &mut crew)?;
        Ok((addresses, parts, listeners, crew))
    }

    /// What it is made of, for tests and figures.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Returns when a task that should go on has ended.
    pub async fn failed(&mut self) -> String {
        match self.crew.watch().await {
            Ok(()) => "stopped".to_owned(),
            Err(why) => why,
        }
    }

    /// Closes the doors, lets running requests end, stops the tasks, then the database.
    pub async fn stop(self) -> Result<()> {
        self.parts.services.live.hub.close();
        self.listeners.close().await;
        self.crew.dismiss().await;
        drop(self.parts);
        self.database.close().await
    }
}

/// Runs until SIGTERM or SIGINT, and says what to do first. SIGHUP reads the configuration again.
pub async fn run(settings: Settings) -> Result<()> {
    let (mut term, mut int, mut hup) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::hangup())?,
    );
    let mut app = tokio::select! {
        app = App::start(&settings, Arc::new(SystemClock)) => app?,
        _ = term.recv() => return Ok(()),
        _ = int.recv() => return Ok(()),
    };
    println!("{}", app.addresses.welcome(app.parts.is_new().await));
    if let Err(why) = logins::say_setup_link(&settings, &app.parts.services.logins).await {
        // logins at the hook go on without it, and the command line makes one at any time
        tracing::error!(
            error = format!("{why:#}"),
            "no link for the first superadmin: run `hywarden setup-token`"
        );
    }
    let configuration = app.parts.services.configuration.clone();
    let reloads = async {
        while hup.recv().await.is_some() {
            if let Err(error) = configuration.reload("system").await {
                tracing::error!(%error, "the configuration was not read again");
            }
        }
        std::future::pending::<()>().await;
    };
    let failed = tokio::select! {
        why = app.failed() => Some(why),
        _ = term.recv() => None,
        _ = int.recv() => None,
        () = reloads => None,
    };
    let stopped = app.stop().await;
    match failed {
        Some(why) => bail!(why),
        None => stopped,
    }
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
