//! Expiry at the instant: the hook refuses by the clock already, this wakes the kicker when somebody's time is over.
use super::Hurry;
use crate::{
    admission::Directory,
    clock::Clock,
    models::{NodeNo, UserNo},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// How far ahead expiries are gathered.
const AHEAD: TimeDelta = TimeDelta::seconds(1);

/// Remembers up to when expiries were acted on.
pub struct ExpiryTimer {
    directory: Arc<Directory>,
    hurry: Arc<Hurry>,
    clock: Arc<dyn Clock>,
    done: DateTime<Utc>,
}

impl ExpiryTimer {
    /// A timer that starts now: what expired before is found by the first `/online` of each node.
    pub fn new(directory: Arc<Directory>, hurry: Arc<Hurry>, clock: Arc<dyn Clock>) -> Self {
        let done = clock.now();
        Self {
            directory,
            hurry,
            clock,
            done,
        }
    }

    /// Rings the nodes where somebody is online whose time ended since the last call. Gives who.
    pub fn run_once(&mut self, nodes_of: impl Fn(UserNo) -> Vec<NodeNo>) -> Vec<UserNo> {
        let now = self.clock.now();
        let expired = self.directory.expiring(self.done, now);
        for node in expired.iter().flat_map(|user| nodes_of(*user)) {
            self.hurry.node(node);
        }
        self.done = self.done.max(now);
        expired
    }

    /// When to run next: at the first expiry ahead, at the latest in a second.
    pub fn next(&self) -> DateTime<Utc> {
        let now = self.clock.now();
        let ahead = self.directory.expiring(self.done, now + AHEAD);
        let instants = ahead
            .iter()
            .filter_map(|user| self.directory.user(*user)?.expires_at());
        instants.min().unwrap_or(now + AHEAD)
    }
}
