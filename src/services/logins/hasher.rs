//! Passwords, hashed by argon2id: so many at once, so many that wait, all others are turned away within a second. Each
//! costs 19 MiB and 40 ms, so without a bound anybody could use up the machine by asking.
use crate::{
    clock::{Clock, random},
    error::{Error, Result},
    telemetry::Metrics,
};
use anyhow::anyhow;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The longest that somebody waits for its turn.
const WAIT: Duration = Duration::from_millis(700);

/// How passwords are hashed.
#[derive(Clone, Copy, Debug)]
pub struct HasherSettings {
    /// Bytes.
    pub memory: u64,
    pub passes: u32,
    /// At once; 0: one a core.
    pub threads: usize,
    /// That wait.
    pub queue: usize,
}

/// What a password was found to be.
#[derive(Clone, Copy, Debug)]
pub struct Verified {
    pub right: bool,
    /// Hashed with less than is asked for today.
    pub outdated: bool,
}

/// The bounded queue.
pub struct Hasher {
    params: Params,
    turns: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    /// The hash of nothing anybody knows.
    dummy: String,
}

impl Hasher {
    /// A queue with so many places.
    pub fn new(
        settings: HasherSettings,
        clock: Arc<dyn Clock>,
        metrics: Metrics,
    ) -> anyhow::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let threads = match settings.threads {
            0 => cores,
            n => n.min(cores),
        };
        let kib = u32::try_from(settings.memory >> 10)?;
        let params = Params::new(kib, settings.passes, 1, None).map_err(|e| anyhow!("{e}"))?;
        let (nothing, salt) = (random::<32>(&*clock), random::<16>(&*clock));
        // made now: the first stranger's name must not cost a hash more than the second's (L1)
        let dummy = argon(&params).hash_password_with_salt(&nothing, &salt);
        Ok(Self {
            dummy: dummy.map_err(|e| anyhow!("argon2: {e}"))?.to_string(),
            params,
            turns: Arc::new(Semaphore::new(threads)),
            waiting: AtomicUsize::new(0),
            queue: settings.queue,
            clock,
            metrics,
        })
    }

    /// A new password's hash, with its parameters and a salt of its own.
    pub async fn hash(&self, password: &SecretString) -> Result<String> {
        let salt = random::<16>(&*self.clock);
        let (argon, password) = (argon(&self.params), password.clone());
        self.run(move || {
            let hashed = argon.hash_password_with_salt(password.expose_secret().as_bytes(), &salt);
            hashed.map(|hash| hash.to_string())
        })
        .await?
        .map_err(|e| Error::Internal(anyhow!("argon2: {e}")))
    }

    /// Compares; where there is nothing to compare with, the same work is done for nothing (L1).
    pub async fn verify(&self, password: &SecretString, stored: Option<&str>) -> Result<Verified> {
        let known = stored.is_some();
        let stored = stored.unwrap_or(&self.dummy).to_owned();
        let (argon, password) = (argon(&self.params), password.clone());
        let outdated = known && self.is_outdated(&stored);
        let right = self
            .run(move || {
                argon
                    .verify_password(password.expose_secret().as_bytes(), stored.as_str())
                    .is_ok()
            })
            .await?;
        Ok(Verified {
            right: right && known,
            outdated,
        })
    }

    fn is_outdated(&self, stored: &str) -> bool {
        let params = PasswordHash::new(stored)
            .ok()
            .and_then(|hash| Params::try_from(&hash).ok());
        params.is_none_or(|is| {
            is.m_cost() < self.params.m_cost() || is.t_cost() < self.params.t_cost()
        })
    }

    /// Waits for its turn; the turn is held until the work is done, even if nobody waits for it any more.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let turn = self.turn().await?;
        self.metrics.password_hashes.inc();
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|e| Error::Internal(e.into()))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        const BUSY: Error = Error::Unavailable("the password check");
        if let Ok(turn) = self.turns.clone().try_acquire_owned() {
            return Ok(turn);
        }
        let place = Place::take(&self.waiting, self.queue).ok_or(BUSY)?;
        let turn = tokio::time::timeout(WAIT, self.turns.clone().acquire_owned()).await;
        drop(place);
        match turn {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(BUSY),
        }
    }
}

fn argon(params: &Params) -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
}

/// A place in the queue, left however the waiting ends.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, most: usize) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::AcqRel);
        let place = Self(waiting);
        (before < most).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
