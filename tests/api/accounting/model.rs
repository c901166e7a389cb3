//! The merge as design 2B.2 says it, without a database: what the SQL must do, and what random schedules run on.
use std::collections::BTreeMap;

pub const MOST: i64 = 1 << 62;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Direction {
    pub base: i64,
    pub prev: i64,
    pub cur: i64,
}

impl Direction {
    pub fn total(self) -> i64 {
        self.base + self.prev + self.cur
    }
    fn step(&mut self, step: i64, doubted: bool, value: i64) {
        match step {
            0 => self.cur = self.cur.max(value),
            -1 => self.prev = self.prev.max(value),
            1 if !doubted => {
                self.base = (self.base + self.prev).min(MOST);
                (self.prev, self.cur) = (self.cur, value);
            }
            1.. => {
                let folded = if doubted { 0 } else { self.cur };
                self.base = (self.base + self.prev + folded).min(MOST);
                (self.prev, self.cur) = (0, value);
            }
            _ => unreachable!("older still is held"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub owner: (i64, i64),
    pub generation: i64,
    pub tx: Direction,
    pub rx: Direction,
}

/// One entry of a report: id, (user, device), tx, rx.
pub type Entry = (String, (i64, i64), i64, i64);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub id: String,
    pub generation: i64,
    pub reason: &'static str,
    pub tx: i64,
    pub rx: i64,
}

/// The connections and totals of one node.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub rows: BTreeMap<String, Row>,
    pub totals: BTreeMap<(i64, i64), (i64, i64)>,
    pub held: Vec<Held>,
}

impl Tables {
    /// Credits a report of a generation; `doubtful` is the last one up to it that did not begin with our own clean-up.
    /// `node`: the same two of the node by now.
    pub fn merge(&mut self, generation: i64, doubtful: i64, node: (i64, i64), report: &[Entry]) {
        let (node, node_doubtful) = node;
        for (id, owner, tx, rx) in report {
            let hold = |generation, reason, tx, rx| Held {
                id: id.clone(),
                generation,
                reason,
                tx,
                rx,
            };
            let Some(row) = self.rows.get_mut(id) else {
                if generation < node - 1 {
                    self.held.push(hold(generation, "old_generation", *tx, *rx));
                    continue;
                }
                let new = |cur| Direction {
                    cur,
                    ..Direction::default()
                };
                let row = Row {
                    owner: *owner,
                    generation,
                    tx: new(*tx),
                    rx: new(*rx),
                };
                self.rows.insert(id.clone(), row);
                let total = self.totals.entry(*owner).or_default();
                *total = (total.0 + tx, total.1 + rx);
                continue;
            };
            let step = generation - row.generation;
            if step < -1 {
                self.held.push(hold(generation, "old_generation", *tx, *rx));
                continue;
            }
            let doubted = step > 0
                && row.generation < doubtful
                && *tx >= row.tx.cur
                && *rx >= row.rx.cur
                && row.tx.cur + row.rx.cur > 0;
            if doubted {
                self.held
                    .push(hold(generation - 1, "doubt", row.tx.cur, row.rx.cur));
            }
            let doubted_late =
                step == -1 && generation < node_doubtful && row.tx.prev + row.rx.prev == 0;
            if doubted_late {
                if tx + rx > 0 {
                    self.held.push(hold(generation, "doubt", *tx, *rx));
                }
                continue;
            }
            let before = (row.tx.total(), row.rx.total());
            row.tx.step(step, doubted, *tx);
            row.rx.step(step, doubted, *rx);
            row.generation = row.generation.max(generation);
            let total = self.totals.entry(row.owner).or_default();
            total.0 = (total.0 + row.tx.total() - before.0).min(MOST);
            total.1 = (total.1 + row.rx.total() - before.1).min(MOST);
        }
    }

    /// Retention: what no report of the last two generations can reach.
    pub fn forget(&mut self, node: i64, ended: impl Fn(&str) -> bool) -> usize {
        let before = self.rows.len();
        self.rows
            .retain(|id, row| row.generation > node - 2 || !ended(id));
        before - self.rows.len()
    }

    pub fn credited(&self) -> i64 {
        self.totals.values().map(|(tx, rx)| tx + rx).sum()
    }
}

/// Numbers that a printed seed brings back.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(usize::try_from(self.below(of.len() as u64)).ok()?)
    }
}

/// The seed of a run: `HYWARDEN_SEED`, or a new one; printed either way.
pub fn seed() -> u64 {
    let seed = match std::env::var("HYWARDEN_SEED") {
        Ok(text) => text.parse().expect("HYWARDEN_SEED is a number"),
        Err(_) => u64::from_ne_bytes(hywarden::clock::random(&hywarden::clock::SystemClock)),
    };
    println!("HYWARDEN_SEED={seed}");
    seed
}

/// How many schedules: `HYWARDEN_SCHEDULES`, else the usual number, or that of `make soak`.
pub fn schedules(usual: u64, soak: u64) -> u64 {
    let of_this_run = if std::env::var_os("HYWARDEN_SOAK").is_some() {
        soak
    } else {
        usual
    };
    std::env::var("HYWARDEN_SCHEDULES").map_or(of_this_run, |text| {
        text.parse().expect("HYWARDEN_SCHEDULES is a number")
    })
}
