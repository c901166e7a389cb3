//! A node as admission sees it, with what it decided so far.
use crate::{
    admission::decision::Code,
    models::{GroupNo, NodeNo},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};
use subtle::ConstantTimeEq;

/// How long the old hook secret stays valid after the new one's first use (design, 2A), in milliseconds.
const OLD_SECRET_MS: i64 = 10 * 60 * 1000;

/// Whether a node takes logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// It does.
    Open,
    /// No new ones; who is on stays on.
    Disabled,
    /// None, and whoever is on is kicked.
    Draining,
}

/// One immutable state of a node; the counters are shared by all its states.
#[derive(Clone, Debug)]
pub struct NodeEntry {
    pub number: NodeNo,
    pub name: Box<str>,
    pub state: NodeState,
    /// Only for users of a paid plan.
    pub paid: bool,
    /// SHA-256 of the hook secret.
    pub secret: [u8; 32],
    /// SHA-256 of the one before a rotation.
    pub old_secret: Option<[u8; 32]>,
    /// First use of the present secret after a rotation.
    pub secret_used_at: Option<DateTime<Utc>>,
    pub groups: Arc<[GroupNo]>,
    /// Refuse users with a quota once the stats were unreadable this long.
    pub require_stats: Option<TimeDelta>,
    /// What it decided so far; a change of the node keeps it.
    pub counts: Arc<NodeCounts>,
}

/// What a node decided, and since when it is blind.
#[derive(Debug, Default)]
pub struct NodeCounts {
    decisions: [AtomicU64; Code::ALL.len()],
    /// Milliseconds since 1970; 0: readable.
    unreadable_since: AtomicI64,
}

/// What a secret sent to the hook is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretIs {
    /// The present one.
    Present,
    /// The one before, still accepted.
    Old,
    /// Neither.
    Wrong,
}

impl NodeEntry {
    pub(super) fn keep_counts(&mut self, old: &Self) {
        self.counts = old.counts.clone();
    }

    /// Compares in constant time; both hashes are always looked at.
    pub fn check_secret(&self, hash: &[u8; 32], now: DateTime<Utc>) -> SecretIs {
        let present = self.secret.ct_eq(hash);
        let old = self.old_secret.unwrap_or_default().ct_eq(hash);
        let old_valid = self.old_secret.is_some()
            && self
                .secret_used_at
                .is_none_or(|used| now - used <= TimeDelta::milliseconds(OLD_SECRET_MS));
        if bool::from(present) {
            SecretIs::Present
        } else if bool::from(old) && old_valid {
            SecretIs::Old
        } else {
            SecretIs::Wrong
        }
    }

    /// Counts one decision.
    pub fn count(&self, code: Code) {
        if let Some(counter) = Code::ALL
            .iter()
            .position(|c| *c == code)
            .and_then(|at| self.counts.decisions.get(at))
        {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Every code with how often it was decided here.
    pub fn decisions(&self) -> impl Iterator<Item = (Code, u64)> + '_ {
        Code::ALL
            .iter()
            .zip(&self.counts.decisions)
            .map(|(code, n)| (*code, n.load(Relaxed)))
    }

    /// Since when its stats cannot be read.
    pub fn stats_unreadable_since(&self) -> Option<DateTime<Utc>> {
        let ms = self.counts.unreadable_since.load(Relaxed);
        if ms == 0 {
            None
        } else {
            DateTime::from_timestamp_millis(ms)
        }
    }

    pub(super) fn set_stats_unreadable(&self, since: Option<DateTime<Utc>>) {
        self.counts
            .unreadable_since
            .store(since.map_or(0, |at| at.timestamp_millis()), Relaxed);
    }

    /// Whether users with a quota are refused because nobody can count them.
    pub fn is_blind(&self, now: DateTime<Utc>) -> bool {
        let overdue = |limit| {
            self.stats_unreadable_since()
                .is_some_and(|since| now - since >= limit)
        };
        self.require_stats.is_some_and(overdue)
    }
}
