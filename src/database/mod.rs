//! The database's ground: which server is used, the private PostgreSQL and its supervisor, the migrations, the
//! connection that listens. No table is known here; SQL on tables is in `repositories/`.
mod claim;
mod glance;
mod migrations;
mod notices;
pub mod private;

pub use claim::claim;
pub use glance::{Glance, glance};
pub use migrations::{Step, down, pending, status, up};
pub use notices::listen;

use crate::config::Settings;
use anyhow::Result;
use private::{Options, Supervisor};
use secrecy::{ExposeSecret, SecretString};
use std::{
    fs::File,
    sync::{Arc, atomic::AtomicU64},
};

/// The database in use: a server of the operator's, the private one that this process runs, or one that another does.
#[derive(Debug)]
pub struct Database {
    url: SecretString,
    private: Option<Supervisor>,
    _claim: Option<File>,
}

impl Database {
    /// Takes the data directory for this process and, without `database.url`, starts the private PostgreSQL in it.
    pub async fn open(settings: &Settings) -> Result<Self> {
        let claim = claim(&settings.data_dir).await?;
        Self::with(settings, Some(claim)).await
    }

    /// For a short look: as [`Database::open`], but where another process runs on the data directory its PostgreSQL is
    /// used.
    pub async fn visit(settings: &Settings) -> Result<Self> {
        match claim(&settings.data_dir).await {
            Ok(claim) => Self::with(settings, Some(claim)).await,
            Err(why) => match (
                &settings.database.url,
                private::running_at(&Options::of(settings)),
            ) {
                (Some(_), _) => Self::with(settings, None).await,
                (None, Some(url)) => Ok(Self {
                    url: url.into(),
                    private: None,
                    _claim: None,
                }),
                (None, None) => Err(why),
            },
        }
    }

    async fn with(settings: &Settings, claim: Option<File>) -> Result<Self> {
        let (url, private) = if let Some(url) = &settings.database.url {
            (url.clone(), None)
        } else {
            let supervisor = Supervisor::start(Options::of(settings)).await?;
            (supervisor.url().into(), Some(supervisor))
        };
        Ok(Self {
            url,
            private,
            _claim: claim,
        })
    }

    /// Where connections go; may hold a password.
    pub fn url(&self) -> &str {
        self.url.expose_secret()
    }

    /// Whether the private PostgreSQL serves.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// Starts of the private PostgreSQL after it ended by itself.
    pub fn restarts(&self) -> Arc<AtomicU64> {
        let private = self.private.as_ref();
        private.map(Supervisor::restart_counter).unwrap_or_default()
    }

    /// Stops the private PostgreSQL, after the pools are closed. Without this call it stops when the process ends.
    pub async fn close(self) -> Result<()> {
        match self.private {
            Some(supervisor) => supervisor.stop().await,
            None => Ok(()),
        }
    }
}
