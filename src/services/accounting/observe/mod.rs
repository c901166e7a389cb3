//! What a raw answer of `/traffic` says: which counters moved, and whether the server's map was emptied since.
//!
//! While the map lives, counters only grow and no id disappears. So one id that is lower or missing against the last
//! merged read proves that the map was emptied in between (design, 2B.3). This runs on the raw answer, before MAC and
//! plausibility: an id that is nobody's, or an entry that cannot be read, says as much about the map as any other.
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// Both directions of one connection, as the server counts them: upload and download.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    fn highest(self, other: Self) -> Self {
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
    /// Its counters; `None`: the entry could not be read.
    pub now: Option<Counters>,
    /// What this generation's last merged read had, and when that read began.
    pub last: Option<(Counters, DateTime<Utc>)>,
}

/// What is known of one id of the present generation.
#[derive(Clone, Copy, Debug)]
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
}

/// The last acknowledged values of a node's present generation: everything that the next answer is compared with.
#[derive(Debug, Default)]
pub struct Baseline {
    ids: HashMap<Box<str>, Last>,
    turn: u32,
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
#[derive(Debug)]
pub struct Look<'a> {
    baseline: &'a mut Baseline,
    moved: Vec<Moved>,
    known: usize,
    entries: usize,
    lower: bool,
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
    pub fn load(rows: impl IntoIterator<Item = (Box<str>, Counters, DateTime<Utc>)>) -> Self {
        let ids = rows.into_iter().map(|(id, counters, since)| {
            let last = Last {
                counters,
                since,
                seen: 0,
                quiet: 0,
                readable: true,
                moved: false,
            };
            (id, last)
        });
        Self {
            ids: ids.collect(),
            turn: 0,
        }
    }

    /// Begins with a new answer.
    pub fn look(&mut self) -> Look<'_> {
        self.turn = self.turn.wrapping_add(1);
        Look {
            baseline: self,
            moved: Vec::new(),
            known: 0,
            entries: 0,
            lower: false,
        }
    }

    /// Takes over what was merged. Only after the commit: what is acknowledged is never sent again.
    pub fn acknowledge(&mut self, seen: &Seen, began: DateTime<Utc>) {
        if seen.emptied {
            self.ids.clear();
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
            });
            last.seen = turn;
            last.moved = true;
            last.readable = moved.now.is_some();
            if let Some(now) = moved.now {
                last.counters = now;
                last.since = began;
            }
        }
    }

    /// Forgets everything, as after our own answered clean-up.
    pub fn clear(&mut self) {
        self.ids.clear();
    }

    /// Whether an answer of the same map could hold these counters: no known id is lower or missing. A late clear's
    /// answer is held against its sender's last read by this.
    pub fn is_continued_by(&self, answer: &HashMap<Box<str>, Option<Counters>>) -> bool {
        self.ids.iter().all(|(id, last)| match answer.get(id) {
            None => false,
            Some(None) => true,
            Some(Some(now)) => !now.is_below(last.counters),
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
    /// Every known id with its counters.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Counters)> {
        self.ids.iter().map(|(id, last)| (&**id, last.counters))
    }
}

impl Look<'_> {
    /// The next entry; `None`: its counters could not be read, but it is there.
    pub fn entry(&mut self, id: &str, now: Option<Counters>) {
        self.entries += 1;
        let Some(last) = self.baseline.ids.get_mut(id) else {
            self.moved.push(Moved {
                id: id.into(),
                now,
                last: None,
            });
            return;
        };
        if last.seen != self.baseline.turn {
            last.seen = self.baseline.turn;
            self.known += 1;
        }
        let changed = match now {
            None => last.readable,
            Some(now) => {
                self.lower |= now.is_below(last.counters);
                now != last.counters
            }
        };
        if changed {
            self.moved.push(Moved {
                id: id.into(),
                now,
                last: Some((last.counters, last.since)),
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
        } = self;
        let emptied = lower || known < baseline.ids.len();
        moved.sort_by(|a, b| a.id.cmp(&b.id));
        if emptied {
            // All of the answer is news in a new generation, what stands still included.
            let standing: Vec<Moved> = baseline
                .ids
                .iter()
                .filter(|(id, last)| {
                    last.seen == baseline.turn && moved.binary_search_by(|m| m.id.cmp(id)).is_err()
                })
                .map(|(id, last)| Moved {
                    id: id.clone(),
                    now: last.readable.then_some(last.counters),
                    last: None,
                })
                .collect();
            for entry in &mut moved {
                entry.last = None;
            }
            moved.extend(standing);
            moved.sort_by(|a, b| a.id.cmp(&b.id));
        }
        // The same key twice in one object is no JSON of Hysteria's: the larger value stands for both.
        moved.dedup_by(|again, first| {
            let same = again.id == first.id;
            if same {
                first.now = match (first.now, again.now) {
                    (Some(a), Some(b)) => Some(a.highest(b)),
                    (a, b) => a.or(b),
                };
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
