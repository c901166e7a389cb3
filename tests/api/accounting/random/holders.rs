//! What holders of the lease do.
use super::{
    super::model::Entry, Flight, HOLDERS, Head, Known, Map, Origin, World, counters, entry,
    is_silent,
};
use hywarden::{
    hysteria::stats::Unreadable,
    services::accounting::observe::{Baseline, Counters, Present},
};
use std::collections::HashMap;
impl World {
    pub(super) fn take_over(&mut self, h: usize) {
        self.epoch += 1;
        let holder = &mut self.holders[h];
        if matches!(holder.flight, Flight::Nothing) {
            holder.epoch = Some(self.epoch);
            holder.known = None;
        } else {
            // it sleeps with something in flight; somebody else takes the lease
            let other = (h + 1) % HOLDERS;
            let holder = &mut self.holders[other];
            if matches!(holder.flight, Flight::Nothing) {
                holder.epoch = Some(self.epoch);
                holder.known = None;
            }
        }
    }

    pub(super) fn crash(&mut self, h: usize) {
        let arrives = self.dice.chance(50);
        let holder = &mut self.holders[h];
        let flight = std::mem::replace(&mut holder.flight, Flight::Nothing);
        holder.epoch = None;
        holder.known = None;
        if matches!(flight, Flight::Clearing(_)) && arrives {
            self.cleared_by_another();
        }
    }

    /// The holder's next step, wherever it was interrupted.
    pub(super) fn go_on(&mut self, h: usize) {
        let flight = std::mem::replace(&mut self.holders[h].flight, Flight::Nothing);
        match flight {
            Flight::Clearing(head) => {
                let origin = self.origin();
                let answer = self.servers[self.named].map.clone();
                self.cleared_by_another();
                if !self.dice.chance(15) {
                    self.holders[h].flight = Flight::Cleared(head, answer, origin);
                }
            }
            Flight::Cleared(head, answer, origin) => {
                self.holders[h].spool = Some((head, answer, origin));
            }
            Flight::Answer(answer, origin) => self.merge_read(h, &answer, origin),
            Flight::Nothing => {
                if let Some((head, answer, origin)) = self.holders[h].spool.take() {
                    self.merge_clean_up(h, &head, &answer, origin);
                } else if self.holders[h].epoch.is_some() {
                    self.load(h);
                    let answer = self.servers[self.named].map.clone();
                    self.holders[h].flight = Flight::Answer(answer, self.origin());
                }
            }
        }
    }

    pub(super) fn load(&mut self, h: usize) {
        let holder = &mut self.holders[h];
        if holder.known.is_some() || holder.epoch != Some(self.epoch) {
            return;
        }
        let rows =
            self.tables.rows.iter().filter(|(_, row)| {
                row.generation == self.generation && row.tx.cur + row.rx.cur > 0
            });
        let baseline = Baseline::load(rows.map(|(id, row)| {
            let seen = counters(row.tx.cur, row.rx.cur);
            Present {
                id: id.as_str().into(),
                seen,
                merged: seen,
                since: self.now,
                held: false,
                strange: false,
            }
        }));
        holder.known = Some(Known {
            generation: self.generation,
            doubtful: self.doubtful,
            baseline,
        });
    }

    pub(super) fn merge_read(&mut self, h: usize, answer: &Map, origin: Origin) {
        let (epoch, now) = (self.epoch, self.now);
        let holder = &mut self.holders[h];
        let Some(known) = holder.known.as_mut() else {
            return;
        };
        let mut look = known.baseline.look();
        for (id, now) in answer {
            look.entry(id, Ok(*now));
        }
        let seen = look.finish();
        // the fence
        if holder.epoch != Some(epoch) || known.generation != self.generation {
            holder.epoch = None;
            holder.known = None;
            return;
        }
        if seen.emptied {
            known.generation += 1;
            known.doubtful = known.generation;
        }
        known.baseline.acknowledge(&seen, now, |_| false);
        let (generation, doubtful) = (known.generation, known.doubtful);
        let report: Vec<Entry> = seen
            .moved
            .iter()
            .map(|m| entry(&m.id, m.now.unwrap()))
            .collect();
        (self.generation, self.doubtful) = (generation, doubtful);
        self.mixed |= *self.origin_of.entry(generation).or_insert(origin) != origin;
        self.credit(generation, doubtful, &report);
        self.note(answer, origin);
        self.decide(h);
    }

    /// With a dead id that stays silent, and the lease still held, a clean-up may be due.
    pub(super) fn decide(&mut self, h: usize) {
        let Some(known) = self.holders[h].known.as_mut() else {
            return;
        };
        let servers = &self.servers;
        let dead = known
            .baseline
            .bury(|id| !is_silent(id) || servers.iter().any(|server| server.online.contains(id)));
        if dead.ids > 0 && self.dice.chance(40) {
            let head = Head {
                epoch: self.epoch,
                generation: known.generation,
                doubtful: known.doubtful,
                known: known.baseline.iter().collect(),
            };
            self.holders[h].flight = Flight::Clearing(head);
        }
    }

    pub(super) fn merge_clean_up(&mut self, h: usize, head: &Head, answer: &Map, origin: Origin) {
        let raw: HashMap<Box<str>, Result<Counters, Unreadable>> = answer
            .iter()
            .map(|(id, now)| (id.as_str().into(), Ok(*now)))
            .collect();
        if !Baseline::load(head.known.iter().cloned()).is_continued_by(&raw) {
            for (id, now) in answer {
                *self.late_held.entry(id.clone()).or_default() += (now.tx + now.rx).cast_signed();
            }
            self.note(answer, origin);
            self.holders[h].known = None;
            return;
        }
        let report: Vec<Entry> = answer.iter().map(|(id, now)| entry(id, *now)).collect();
        if head.epoch == self.epoch && head.generation == self.generation {
            self.credit(head.generation, head.doubtful, &report);
            self.generation += 1;
            // the same process goes on; one that died since has to load
            if let Some(known) = self.holders[h].known.as_mut() {
                known.generation += 1;
                known.baseline.clear();
            }
        } else {
            self.credit(head.generation, head.doubtful, &report);
            // whatever the present holder is reading may be older
            self.epoch += 1;
            self.holders[h].known = None;
        }
        self.note(answer, origin);
    }

    // What the tables do.

    pub(super) fn credit(&mut self, generation: i64, doubtful: i64, report: &[Entry]) {
        let before = self.tables.totals.clone();
        self.tables.merge(
            generation,
            doubtful,
            (self.generation, self.doubtful),
            report,
        );
        self.stamp += 1;
        for (owner, total) in &self.tables.totals {
            if before.get(owner) != Some(total) {
                self.touched.insert(owner.0, self.stamp);
            }
        }
    }

    pub(super) fn note(&mut self, answer: &Map, origin: Origin) {
        for (id, now) in answer {
            let best = self.best.entry((origin, id.clone())).or_default();
            best.0 = best.0.max(now.tx.cast_signed());
            best.1 = best.1.max(now.rx.cast_signed());
        }
    }
}
