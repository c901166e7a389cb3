//! How the program's own loops go on this instance: when each last came round, how late it is, what went wrong last.
use crate::clock::Clock;
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The loops.
#[derive(Clone)]
pub struct Rounds {
    clock: Arc<dyn Clock>,
    known: Arc<Mutex<BTreeMap<&'static str, Round>>>,
}

/// How a loop goes.
#[derive(Clone, Debug)]
pub struct Round {
    /// It comes round so often.
    pub every: Duration,
    pub last_at: DateTime<Utc>,
    pub runs: u64,
    pub failures: u64,
    pub failed_at: Option<DateTime<Utc>>,
    pub last_error: Option<String>,
}

impl Round {
    /// By how much it has missed its time.
    pub fn late(&self, now: DateTime<Utc>) -> TimeDelta {
        let every = TimeDelta::from_std(self.every).unwrap_or_default();
        (now - self.last_at - every).max(TimeDelta::zero())
    }
}

impl Rounds {
    /// None has run yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            known: Arc::default(),
        }
    }

    /// A loop came round.
    pub fn note<T, E: Display>(&self, name: &'static str, every: Duration, done: &Result<T, E>) {
        let now = self.clock.now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let round = known.entry(name).or_insert_with(|| Round {
            every,
            last_at: now,
            runs: 0,
            failures: 0,
            failed_at: None,
            last_error: None,
        });
        (round.last_at, round.runs) = (now, round.runs + 1);
        if let Err(error) = done {
            round.failures += 1;
            (round.failed_at, round.last_error) = (Some(now), Some(error.to_string()));
        }
    }

    /// All of them by name, each with how late it is.
    pub fn all(&self) -> Vec<(&'static str, Round, TimeDelta)> {
        let now = self.clock.now();
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let all = known.iter();
        all.map(|(name, round)| (*name, round.clone(), round.late(now)))
            .collect()
    }
}
