//! What a raw answer of `/traffic` says: which counters moved, and whether the server's map was emptied since.
//!
//! While the map lives, counters only grow and no id disappears. So one id that is lower or missing against the last
//! merged read proves that the map was emptied in between (design, 2B.3). This runs on the raw answer, before MAC and
//! plausibility: an id that is nobody's, or an entry that cannot be read, says as much about the map as any other.
use crate::hysteria::stats::Unreadable;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

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

/// What is known of one id of the present generation.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about one of a million ids"
)]
struct Last {
    counters: Counters,
    /// When the read began that gave these counters.
    since: DateTime<Utc>,
    /// The turn that saw it last.
    seen: u32,
    /// Reads in a row that found it offline and unchanged, up to two.
    quiet: u8,
    readable: bool,
    moved: bool,
    /// Its counters were seen but not merged: what was merged stands in `held`.
    held: bool,
    strange: bool,
}

/// The last acknowledged values of a node's present generation: everything that the next answer is compared with.
#[derive(Debug, Default)]
pub struct Baseline {
    ids: HashMap<Box<str>, Last>,
    /// Of ids that are held as implausible: what was merged last, and when that read began.
    held: HashMap<Box<str>, (Counters, DateTime<Utc>)>,
    turn: u32,
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
}

/// An answer that is being read. Dropping it half-way changes nothing: an incomplete answer is no answer.
pub struct Look<'a> {
    baseline: &'a mut Baseline,
    strangers: Strangers<'a>,
    moved: Vec<Moved>,
    known: usize,
    entries: usize,
    lower: bool,
}

/// Ids that are none of the node's: anybody may fill an answer with them, so only so many are remembered, and what
/// comes beyond is counted as an entry and no more.
struct Strangers<'a> {
    room: usize,
    is_ours: Box<dyn Fn(&str) -> bool + Send + 'a>,
}

/// How much of a node's map is dead weight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dead {
    /// Ids that are offline and were unchanged over two reads.
    pub ids: usize,
    /// About how many bytes of the answer they take.
    pub bytes: usize,
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
                strange: false,
            };
            baseline.ids.insert(row.id, last);
        }
        baseline
    }

    /// Begins with a new answer, all of which is remembered.
    pub fn look(&mut self) -> Look<'_> {
        self.look_among(usize::MAX, |_| true)
    }

    /// Begins with a new answer, of which at most so many ids that are not ours are remembered.
    pub fn look_among<'a>(
        &'a mut self,
        strangers: usize,
        is_ours: impl Fn(&str) -> bool + Send + 'a,
    ) -> Look<'a> {
        self.turn = self.turn.wrapping_add(1);
        let known = self.ids.values().filter(|last| last.strange).count();
        Look {
            baseline: self,
            strangers: Strangers {
                room: strangers.saturating_sub(known),
                is_ours: Box::new(is_ours),
            },
            moved: Vec::new(),
            known: 0,
            entries: 0,
            lower: false,
        }
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
                // {"id":{"tx":1234567,"rx":1234567},
                dead.bytes += id.len() + 36;
            }
        }
        dead
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
            }
        })
    }
}

impl Look<'_> {
    /// The next entry. One that cannot be read is there nonetheless.
    pub fn entry(&mut self, id: &str, now: Result<Counters, Unreadable>) {
        self.entries += 1;
        let turn = self.baseline.turn;
        let Some(last) = self.baseline.ids.get_mut(id) else {
            let strange = !(self.strangers.is_ours)(id);
            if strange {
                let Some(room) = self.strangers.room.checked_sub(1) else {
                    return;
                };
                self.strangers.room = room;
            }
            self.moved.push(Moved {
                id: id.into(),
                now,
                merged: Counters::default(),
                since: None,
                fresh: true,
                strange,
            });
            return;
        };
        if last.seen != turn {
            last.seen = turn;
            self.known += 1;
        }
        let fresh = match now {
            Err(_) => last.readable,
            Ok(now) => {
                self.lower |= now.is_below(last.counters);
                now != last.counters
            }
        };
        if fresh || last.held {
            let held = self.baseline.held.get(id).copied();
            let (merged, since) = held.unwrap_or((last.counters, last.since));
            self.moved.push(Moved {
                id: id.into(),
                now,
                merged,
                since: Some(since),
                fresh,
                strange: last.strange,
            });
        }
    }

    /// The answer was complete.
    pub fn finish(self) -> Seen {
        let Self {
            baseline,
            mut moved,
            known,
            entries,
            lower,
            strangers: _,
        } = self;
        let emptied = lower || known < baseline.ids.len();
        moved.sort_by(|a, b| a.id.cmp(&b.id));
        if emptied {
            // All of the answer is news in a new generation, what stands still included; nothing of it was merged yet.
            let standing: Vec<Moved> = baseline
                .ids
                .iter()
                .filter(|(id, last)| {
                    last.seen == baseline.turn && moved.binary_search_by(|m| m.id.cmp(id)).is_err()
                })
                .map(|(id, last)| Moved {
                    id: id.clone(),
                    now: if last.readable {
                        Ok(last.counters)
                    } else {
                        Err(Unreadable::default())
                    },
                    merged: Counters::default(),
                    since: Some(last.since),
                    fresh: true,
                    strange: last.strange,
                })
                .collect();
            for entry in &mut moved {
                entry.merged = Counters::default();
                entry.fresh = true;
            }
            moved.extend(standing);
            moved.sort_by(|a, b| a.id.cmp(&b.id));
        }
        // The same key twice in one object is no JSON of Hysteria's: the larger value stands for both.
        moved.dedup_by(|again, first| {
            let same = again.id == first.id;
            if same {
                first.now = match (first.now, again.now) {
                    (Ok(a), Ok(b)) => Ok(a.highest(b)),
                    (a, b) => a.or(b),
                };
                first.fresh |= again.fresh;
            }
            same
        });
        Seen {
            emptied,
            moved,
            entries,
        }
    }
}

#[cfg(test)]
mod tests;
