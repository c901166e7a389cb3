//! From a node's row to a client of its stats API.
use crate::{
    error::{Error, Result},
    hysteria::stats::{Dialer, StatsClient},
    keyring::{Keyring, Place},
    models::NodeNo,
    repositories::{
        Db,
        readings::{self, Source},
    },
};
use std::sync::Arc;
use url::Url;

/// Looks up what readers read with.
#[derive(Clone)]
pub struct Sources {
    db: Db,
    keyring: Arc<Keyring>,
    dialer: Dialer,
}

impl Sources {
    /// Sources of this database, opened with these keys, dialled under these rules.
    pub fn new(db: Db, keyring: Arc<Keyring>, dialer: Dialer) -> Self {
        Self {
            db,
            keyring,
            dialer,
        }
    }

    /// The live nodes among these.
    pub async fn list(&self, nodes: &[NodeNo]) -> Result<Vec<Source>> {
        let mut conn = self.db.get().await?;
        Ok(readings::list_sources(&mut conn, nodes).await?)
    }

    /// A client of one.
    pub fn client(&self, source: &Source) -> Result<StatsClient> {
        let place = Place {
            table: "nodes",
            column: "stats_secret_sealed",
            row: &source.id,
        };
        let secret = self.keyring.open(&place, &source.stats_secret_sealed)?;
        let base = Url::parse(&source.stats_url)
            .map_err(|e| Error::Stats(format!("{}: {e}", source.name)))?;
        Ok(self.dialer.node(base, secret))
    }
}
