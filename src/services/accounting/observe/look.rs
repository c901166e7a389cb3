//! One raw answer, compared with the baseline while it is read.
use super::{
    Baseline, Beyond, Counters, Moved, Seen,
    baseline::{Last, weight},
};
use crate::hysteria::stats::Unreadable;

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
/// comes beyond is only counted.
struct Strangers<'a> {
    room: usize,
    beyond: Beyond,
    is_ours: Box<dyn Fn(&str) -> bool + Send + 'a>,
}

impl Baseline {
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
                beyond: Beyond::default(),
                is_ours: Box::new(is_ours),
            },
            moved: Vec::new(),
            known: 0,
            entries: 0,
            lower: false,
        }
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
                    self.strangers.beyond.ids += 1;
                    self.strangers.beyond.bytes += weight(id);
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
            strangers,
        } = self;
        let emptied = lower || known < baseline.ids.len();
        moved.sort_by(|a, b| a.id.cmp(&b.id));
        let mut beyond = strangers.beyond;
        if emptied {
            // strangers of the old map have left their room: the next read remembers as many, and tells of them then
            let gone = |last: &&Last| last.strange && last.seen != baseline.turn;
            beyond.forget(baseline.ids.values().filter(gone).count());
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
            beyond,
        }
    }
}
