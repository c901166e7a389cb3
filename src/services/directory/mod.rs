//! Keeps the directory true: filled once, then by the change log every second, and compared whole now and then.
//!
//! The guarantee is the read of the log; `NOTIFY` only hurries it. A call that changes access waits for `caught_up`, so
//! that its answer means: this instance refuses from now on.
mod keeper;
mod load;

pub use keeper::{Keeper, KeeperSettings};

use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use std::{
    sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot, watch};

/// How long a change waits for the directory to hold it: a lost connection is noticed after 3 s, made again, and everything
/// compared.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a caller asks of the keeper.
enum Wish {
    /// Read the log now.
    CatchUp(oneshot::Sender<()>),
    /// Compare everything now.
    Reconcile(oneshot::Sender<()>),
}

/// The keeper's front: what services and handlers hold.
pub struct DirectoryKeeper {
    wishes: mpsc::UnboundedSender<Wish>,
    filled: watch::Receiver<bool>,
    health: Health,
}

/// How the keeping goes.
#[derive(Clone, Default)]
struct Health {
    inner: std::sync::Arc<HealthCells>,
}

#[derive(Default)]
struct HealthCells {
    read_at_ms: AtomicI64,
    connected: AtomicBool,
}

impl DirectoryKeeper {
    /// Returns once this instance's directory holds everything that was committed before the call.
    pub async fn caught_up(&self) -> Result<()> {
        self.wish(Wish::CatchUp).await
    }

    /// Reads the log soon, without waiting for it: somebody said that it grew.
    pub fn hurry(&self) {
        // a keeper that has ended has nothing to hurry
        let _ = self.wishes.send(Wish::CatchUp(oneshot::channel().0));
    }

    /// Compares the whole directory with the database.
    pub async fn reconcile(&self) -> Result<()> {
        self.wish(Wish::Reconcile).await
    }

    async fn wish(&self, wish: impl FnOnce(oneshot::Sender<()>) -> Wish) -> Result<()> {
        let (done, answer) = oneshot::channel();
        let away = || Error::Unavailable("the directory");
        self.wishes.send(wish(done)).map_err(|_| away())?;
        let answer = tokio::time::timeout(PATIENCE, answer)
            .await
            .map_err(|_| away())?;
        answer.map_err(|_| away())
    }

    /// Whether the directory was filled once.
    pub fn is_filled(&self) -> bool {
        *self.filled.borrow()
    }

    /// Waits until the directory was filled once; false if that took longer than `limit`.
    pub async fn wait_filled(&self, limit: Duration) -> bool {
        if self.is_filled() {
            return true;
        }
        let mut filled = self.filled.clone();
        matches!(
            tokio::time::timeout(limit, filled.wait_for(|f| *f)).await,
            Ok(Ok(_))
        )
    }

    /// Filled, and the log was read lately: what `/readyz` asks.
    pub fn is_ready(&self) -> bool {
        self.is_filled() && self.health.inner.connected.load(Relaxed)
    }

    /// The last read of the log; the lag is the time since.
    pub fn read_at(&self) -> Option<DateTime<Utc>> {
        let ms = self.health.inner.read_at_ms.load(Relaxed);
        if ms == 0 {
            None
        } else {
            DateTime::from_timestamp_millis(ms)
        }
    }
}

impl Health {
    fn read(&self, at: DateTime<Utc>) {
        self.inner.read_at_ms.store(at.timestamp_millis(), Relaxed);
        self.inner.connected.store(true, Relaxed);
    }
    fn lost(&self) {
        self.inner.connected.store(false, Relaxed);
    }
}
