//! The traffic-stats API of one Hysteria2 server: `/traffic`, `/online`, `/kick`.
//!
//! A server answers with everything it ever counted, and anybody may stand behind its address, so answers are read
//! as a stream: bounded in bytes, entries and time, and in memory by one entry. `tokens` reads JSON in whatever
//! pieces it comes, `members` makes entries of it, `client` asks.
mod client;
mod dialer;
mod error;
mod members;
mod read;
#[cfg(test)]
mod tests;
mod tokens;

pub use client::StatsClient;
pub use dialer::Dialer;
pub use error::StatsError;
pub use members::{Members, Value};
pub use read::read_spool;

use std::time::Duration;

/// A counter above this is no counter: 2^50 bytes through one connection.
pub const HIGHEST_COUNTER: u64 = 1 << 50;

/// One entry of `/traffic`. Ids are handed over as they come: one that stands in the answer twice comes twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The connection id; longer than 1 KiB it is cut there, and then unreadable.
    pub id: &'a str,
    /// Upload and download. An unreadable entry counts as present.
    pub counters: Result<(u64, u64), Unreadable>,
}

/// What could be read of an entry that is over [`HIGHEST_COUNTER`] or of unknown shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// Upload, if it was a whole number of 64 bits.
    pub tx: Option<u64>,
    /// Download, likewise.
    pub rx: Option<u64>,
}

/// How much a complete answer held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AnswerSize {
    /// Bytes of the body.
    pub bytes: u64,
    /// Entries, unreadable ones included.
    pub entries: u64,
}

/// Where an answer ends, finished or not.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of one body.
    pub bytes: u64,
    /// Entries of one body.
    pub entries: u64,
    /// Longest time without a byte; not for a clean-up, whose answer is the only copy.
    pub silence: Duration,
    /// Longest time from the question to the last byte.
    pub whole: Duration,
    /// The same for a clean-up.
    pub whole_clear: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 256 << 20,
            entries: 1_000_000,
            silence: Duration::from_secs(3),
            whole: Duration::from_secs(30),
            whole_clear: Duration::from_mins(2),
        }
    }
}
