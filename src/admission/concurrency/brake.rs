//! Two phones on one secret would displace each other for ever: the official client reconnects without a pause.
use super::{BRAKE, DISPLACEMENTS};
use chrono::{DateTime, Utc};

/// What one device did lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Brake {
    struck: Vec<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
}

/// What the brake says to one more displacement between addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    /// Go on.
    Free,
    /// Refused, from now on.
    Braked,
    /// Refused, as before.
    StillBraked,
}

impl Brake {
    /// One more displacement between addresses is about to happen.
    pub(super) fn strike(&mut self, now: DateTime<Utc>) -> Strike {
        if self.until.is_some_and(|until| now < until) {
            return Strike::StillBraked;
        }
        self.until = None;
        self.struck.retain(|at| now < *at + BRAKE);
        if self.struck.len() >= DISPLACEMENTS {
            self.struck.clear();
            self.until = Some(now + BRAKE);
            return Strike::Braked;
        }
        self.struck.push(now);
        Strike::Free
    }

    /// Whether it still remembers anything that matters.
    pub(super) fn is_idle(&self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| until <= now)
            && self.struck.iter().all(|at| *at + BRAKE <= now)
    }
}
