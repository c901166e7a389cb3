//! What a raw answer of `/traffic` says: which counters moved, and whether the server's map was emptied since.
//!
//! While the map lives, counters only grow and no id disappears. So one id that is lower or missing against the last
//! merged read proves that the map was emptied in between (design, 2B.3). This runs on the raw answer, before MAC and
//! plausibility: an id that is nobody's, or an entry that cannot be read, says as much about the map as any other.
mod baseline;
mod look;

pub use baseline::Baseline;
pub use look::Look;

use crate::hysteria::stats::Unreadable;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Both directions of one connection, as the server counts them: upload and download.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Client to target.
    pub tx: u64,
    /// Target to client.
    pub rx: u64,
}

impl Counters {
    /// One of the two directions fell.
    pub fn is_below(self, last: Self) -> bool {
        self.tx < last.tx || self.rx < last.rx
    }
    /// The larger of each direction.
    #[must_use]
    pub fn highest(self, other: Self) -> Self {
        Self {
            tx: self.tx.max(other.tx),
            rx: self.rx.max(other.rx),
        }
    }
}

/// One entry of an answer that says something new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// The id, as the node gave it.
    pub id: Box<str>,
    /// Its counters, or what could be read of them.
    pub now: Result<Counters, Unreadable>,
    /// What was merged of it in this generation.
    pub merged: Counters,
    /// When the read began that gave its last merged counters, of whatever generation.
    pub since: Option<DateTime<Utc>>,
    /// The answer says something new; otherwise it stands here because it is held.
    pub fresh: bool,
    /// The id is none of the node's.
    pub strange: bool,
}

/// One id of the present generation, as a new lease holder finds it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Present {
    pub id: Box<str>,
    /// The largest counters that were seen.
    pub seen: Counters,
    /// What was merged of them.
    pub merged: Counters,
    /// When the read of the merged ones began.
    pub since: DateTime<Utc>,
    /// The difference is held as implausible: to be looked at again with every read.
    pub held: bool,
    /// The id is none of the node's.
    #[serde(default)]
    pub strange: bool,
}

/// A whole answer, compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The map was emptied since the last merged read: the answer belongs to the next generation.
    pub emptied: bool,
    /// What must be merged, in the order of the ids; of a new generation all that the answer holds.
    pub moved: Vec<Moved>,
    /// Ids in the answer.
    pub entries: usize,
    /// Those of them that are none of the node's and found no room to be remembered.
    pub beyond: Beyond,
}

/// Ids of an answer that are only counted: none of the node's, and more of them than are remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beyond {
    /// How many.
    pub ids: usize,
    /// About how many bytes of the answer they take.
    pub bytes: usize,
}

/// How much of a node's map is dead weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dead {
    /// Ids that are offline and were unchanged over two reads.
    pub ids: usize,
    /// About how many bytes of the answer they take.
    pub bytes: usize,
}

impl Beyond {
    /// So many fewer, each of the weight that they have on average.
    fn forget(&mut self, ids: usize) {
        let each = self.bytes.checked_div(self.ids).unwrap_or_default();
        self.ids = self.ids.saturating_sub(ids);
        self.bytes = self.ids.saturating_mul(each);
    }
}

impl std::ops::AddAssign for Dead {
    fn add_assign(&mut self, more: Self) {
        self.ids += more.ids;
        self.bytes += more.bytes;
    }
}

#[cfg(test)]
mod tests;
