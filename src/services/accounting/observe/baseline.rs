//! The last acknowledged values of a node's present generation, and which of its ids are dead.
use super::{Beyond, Counters, Dead, Present, Seen};
use crate::hysteria::stats::Unreadable;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// What is known of one id of the present generation.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about one of a million ids"
)]
pub(super) struct Last {
    pub(super) counters: Counters,
    /// When the read began that gave these counters.
    pub(super) since: DateTime<Utc>,
    /// The turn that saw it last.
    pub(super) seen: u32,
    /// Reads in a row that found it offline and unchanged, up to two.
    quiet: u8,
    pub(super) readable: bool,
    moved: bool,
    /// Its counters were seen but not merged: what was merged stands in `held`.
    pub(super) held: bool,
    pub(super) strange: bool,
}

/// The last acknowledged values of a node's present generation: everything that the next answer is compared with.
#[derive(Debug, Default)]
pub struct Baseline {
    pub(super) ids: HashMap<Box<str>, Last>,
    /// Of ids that are held as implausible: what was merged last, and when that read began.
    pub(super) held: HashMap<Box<str>, (Counters, DateTime<Utc>)>,
    pub(super) turn: u32,
    /// What the last read had beyond the strangers that are remembered.
    beyond: Beyond,
    /// Of them, so many were there one read earlier, too.
    lasting: usize,
}

/// About how many bytes of an answer an entry takes.
pub(super) fn weight(id: &str) -> usize {
    // {"id":{"tx":1234567,"rx":1234567},
    id.len() + 36
}

impl Baseline {
    /// The rows of the present generation, as a new lease holder finds them.
    pub fn load(rows: impl IntoIterator<Item = Present>) -> Self {
        let mut baseline = Self::default();
        for row in rows {
            if row.held {
                baseline
                    .held
                    .insert(row.id.clone(), (row.merged, row.since));
            }
            let last = Last {
                counters: row.seen,
                since: row.since,
                seen: 0,
                quiet: 0,
                readable: true,
                moved: false,
                held: row.held,
                strange: row.strange,
            };
            baseline.ids.insert(row.id, last);
        }
        baseline
    }

    /// Takes over what was merged, and what `is_held` names as implausible. Only after the commit: what is acknowledged
    /// is never sent again.
    pub fn acknowledge(
        &mut self,
        seen: &Seen,
        began: DateTime<Utc>,
        is_held: impl Fn(&str) -> bool,
    ) {
        if seen.emptied {
            self.clear();
        }
        self.lasting = self.beyond.ids.min(seen.beyond.ids);
        self.beyond = seen.beyond;
        let turn = self.turn;
        for last in self.ids.values_mut() {
            last.moved = false;
        }
        for moved in &seen.moved {
            let last = self.ids.entry(moved.id.clone()).or_insert(Last {
                counters: Counters::default(),
                since: began,
                seen: turn,
                quiet: 0,
                readable: true,
                moved: true,
                held: false,
                strange: moved.strange,
            });
            last.seen = turn;
            last.moved = moved.fresh;
            last.readable = moved.now.is_ok();
            if let Ok(now) = moved.now {
                last.counters = now;
                last.held = is_held(&moved.id);
                if last.held {
                    let merged = (moved.merged, moved.since.unwrap_or(began));
                    self.held.insert(moved.id.clone(), merged);
                } else {
                    last.since = began;
                    self.held.remove(&moved.id);
                }
            }
        }
    }

    /// Forgets everything, as after our own answered clean-up.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.held.clear();
        self.beyond = Beyond::default();
        self.lasting = 0;
    }

    /// Whether an answer of the same map could hold these counters: no known id is lower or missing. A late clear's
    /// answer is held against its sender's last read by this.
    pub fn is_continued_by(
        &self,
        answer: &HashMap<Box<str>, Result<Counters, Unreadable>>,
    ) -> bool {
        self.ids.iter().all(|(id, last)| match answer.get(id) {
            None => false,
            Some(Err(_)) => true,
            Some(Ok(now)) => !now.is_below(last.counters),
        })
    }

    /// After an answer of `/online` to the read just acknowledged: which ids are dead.
    pub fn bury(&mut self, mut is_online: impl FnMut(&str) -> bool) -> Dead {
        let mut dead = Dead::default();
        for (id, last) in &mut self.ids {
            if last.moved || is_online(id) {
                last.quiet = 0;
            } else {
                last.quiet = last.quiet.saturating_add(1).min(2);
            }
            if last.quiet == 2 {
                dead.ids += 1;
                dead.bytes += weight(id);
            }
        }
        dead
    }

    /// Of the ids that are only counted: those that stood in two reads and cannot be the `online` ones that are none of
    /// the node's. Whether they moved is not known, and nobody credits what they moved.
    pub fn bury_beyond(&self, online: usize) -> Dead {
        let ids = self.lasting.saturating_sub(online);
        let each = self.beyond.bytes.checked_div(self.beyond.ids);
        Dead {
            ids,
            bytes: ids.saturating_mul(each.unwrap_or_default()),
        }
    }

    /// How many ids are known.
    pub fn len(&self) -> usize {
        self.ids.len()
    }
    /// Nothing is known.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
    /// Everything that is known, as a new holder would find it.
    pub fn iter(&self) -> impl Iterator<Item = Present> {
        self.ids.iter().map(|(id, last)| {
            let held = self.held.get(id).copied();
            let (merged, since) = held.unwrap_or((last.counters, last.since));
            Present {
                id: id.clone(),
                seen: last.counters,
                merged,
                since,
                held: last.held,
                strange: last.strange,
            }
        })
    }
}
