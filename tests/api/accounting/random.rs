//! Random schedules: the observation, the gate of a late clean-up and the settling of users as the program has them, over
//! a model of the server and of the tables, with holders that pause anywhere, leases that move, crashes, lost and late
//! answers, restarts, retention, windows, somebody else's `clear=1`, and another server behind the same name.
//!
//! What is demanded of each: no byte is invented (credited ≤ moved, and ≤ the largest values that merged answers held),
//! and none of a merged answer is lost (credited + held ≥ those values). A map that was emptied by somebody else and had
//! every known id pass its old value before the next read cannot be told from one that was not; such schedules may lose,
//! never invent, and are counted.
use super::model::{Dice, Entry, Tables, schedules, seed};
use chrono::{DateTime, TimeDelta, Utc};
use hywarden::{
    hysteria::stats::Unreadable,
    models::{UserNo, Window},
    repositories::usage::Account,
    services::accounting::{
        observe::{Baseline, Counters, Present},
        settle::{Crossing, Rules, settle},
    },
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

const STEPS: usize = 300;
const HOLDERS: usize = 3;

type Map = BTreeMap<String, Counters>;
/// Which map an answer was read from: the server, and how often that was emptied.
type Origin = (usize, u32);

#[derive(Default)]
struct Server {
    map: Map,
    emptied: u32,
    online: BTreeSet<String>,
}

#[derive(Clone)]
struct Head {
    epoch: i64,
    generation: i64,
    doubtful: i64,
    known: Vec<Present>,
}

enum Flight {
    Nothing,
    Answer(Map, Origin),
    /// The lease was checked, the question is not out yet.
    Clearing(Head),
    Cleared(Head, Map, Origin),
}

struct Known {
    generation: i64,
    doubtful: i64,
    baseline: Baseline,
}

struct Holder {
    epoch: Option<i64>,
    known: Option<Known>,
    flight: Flight,
    /// Survives a crash.
    spool: Option<(Head, Map, Origin)>,
}

struct World {
    dice: Dice,
    servers: [Server; 2],
    /// Which server stands behind the name.
    named: usize,
    holders: Vec<Holder>,
    epoch: i64,
    generation: i64,
    doubtful: i64,
    tables: Tables,
    /// Credited in rows that retention has removed.
    forgotten: BTreeMap<String, i64>,
    late_held: BTreeMap<String, i64>,
    moved: BTreeMap<String, i64>,
    best: BTreeMap<(Origin, String), (i64, i64)>,
    origin_of: BTreeMap<i64, Origin>,
    /// Reads of two maps went by one generation.
    mixed: bool,
    ids: u64,
    now: DateTime<Utc>,
    accounts: BTreeMap<i64, Account>,
    touched: BTreeMap<i64, u64>,
    stamp: u64,
    crossing: Option<Vec<(i64, u64)>>,
    devices: [i64; 4],
    used_in_windows: BTreeMap<i64, i64>,
}

fn at() -> DateTime<Utc> {
    "2026-03-01T00:00:00Z".parse().unwrap()
}

/// Ids that stay silent once they are dead. A clean-up needs dead ids, 20,000 of them, so there is always one of these.
fn is_silent(id: &str) -> bool {
    !id.ends_with('x')
}

impl World {
    fn new(seed: u64) -> Self {
        let account = |n: i64| Account {
            number: UserNo(n),
            quota: Some(500),
            quota_window: [Window::Day, Window::Week, Window::None]
                [usize::try_from(n).unwrap() % 3],
            window_anchor: None,
            window_started_at: at(),
            window_baseline: 0,
            used_total: 0,
            used: 0,
            warned_percent: 0,
            activated_at: Some(at()),
            on_hold: false,
            valid_for_seconds: None,
            expires_at: None,
        };
        Self {
            dice: Dice::new(seed),
            servers: Default::default(),
            named: 0,
            holders: (0..HOLDERS)
                .map(|_| Holder {
                    epoch: None,
                    known: None,
                    flight: Flight::Nothing,
                    spool: None,
                })
                .collect(),
            epoch: 0,
            generation: 1,
            doubtful: 0,
            tables: Tables::default(),
            forgotten: BTreeMap::new(),
            late_held: BTreeMap::new(),
            moved: BTreeMap::new(),
            best: BTreeMap::new(),
            origin_of: BTreeMap::new(),
            mixed: false,
            ids: 0,
            now: at(),
            accounts: (0..3).map(|n| (n, account(n))).collect(),
            touched: BTreeMap::new(),
            stamp: 0,
            crossing: None,
            devices: [0, 1, 2, 0],
            used_in_windows: BTreeMap::new(),
        }
    }

    fn step(&mut self) {
        let h = usize::try_from(self.dice.below(HOLDERS as u64)).unwrap();
        match self.dice.below(100) {
            0..=29 => self.traffic(),
            30..=36 => self.connect(),
            37..=41 => self.disconnect(),
            42..=43 => self.logs_once_more(),
            44..=47 => self.take_over(h),
            48..=49 => self.crash(h),
            50 => self.restart(),
            51 => self.cleared_by_another(),
            52 => self.named = 1 - self.named,
            53..=54 => self.retain(),
            55..=60 => self.cross(),
            61 => self.now += TimeDelta::hours(5),
            62 => self.change_owners(),
            _ => self.go_on(h),
        }
    }

    // What clients and servers do.

    fn traffic(&mut self) {
        let server = &mut self.servers[self.named];
        let online: Vec<String> = server.online.iter().cloned().collect();
        if let Some(id) = self.dice.pick(&online).cloned() {
            let (tx, rx) = (self.dice.below(20), self.dice.below(30));
            self.moves(self.named, &id, tx, rx);
        }
    }

    fn moves(&mut self, server: usize, id: &str, tx: u64, rx: u64) {
        let counters = self.servers[server].map.entry(id.to_owned()).or_default();
        counters.tx += tx;
        counters.rx += rx;
        *self.moved.entry(id.to_owned()).or_default() += (tx + rx).cast_signed();
    }

    fn connect(&mut self) {
        self.ids += 1;
        let device = self.dice.below(4);
        let owner = self.devices[usize::try_from(device).unwrap()];
        let end = if self.dice.chance(30) { "x" } else { "" };
        let id = format!("{owner}.{device}.{}{end}", self.ids);
        self.servers[self.named].online.insert(id);
    }

    fn disconnect(&mut self) {
        let online: Vec<String> = self.servers[self.named].online.iter().cloned().collect();
        if let Some(id) = self.dice.pick(&online) {
            self.servers[self.named].online.remove(id);
        }
    }

    fn logs_once_more(&mut self) {
        let server = &self.servers[self.named];
        let dead: Vec<String> = server
            .map
            .keys()
            .filter(|id| !server.online.contains(*id) && !is_silent(id))
            .cloned()
            .collect();
        if let Some(id) = self.dice.pick(&dead).cloned() {
            let more = self.dice.below(40);
            self.moves(self.named, &id, more, more);
        }
    }

    fn restart(&mut self) {
        let server = &mut self.servers[self.named];
        server.emptied += 1;
        server.map.clear();
        server.online.clear();
    }

    fn cleared_by_another(&mut self) {
        let server = &mut self.servers[self.named];
        server.emptied += 1;
        server.map.clear();
    }

    /// Devices go to another user, users are erased: ids that were admitted before keep their owner.
    fn change_owners(&mut self) {
        let device = usize::try_from(self.dice.below(4)).unwrap();
        self.devices[device] = self.dice.below(3).cast_signed();
    }

    fn origin(&self) -> Origin {
        (self.named, self.servers[self.named].emptied)
    }

    // What holders do.

    fn take_over(&mut self, h: usize) {
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

    fn crash(&mut self, h: usize) {
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
    fn go_on(&mut self, h: usize) {
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

    fn load(&mut self, h: usize) {
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

    fn merge_read(&mut self, h: usize, answer: &Map, origin: Origin) {
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
    fn decide(&mut self, h: usize) {
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

    fn merge_clean_up(&mut self, h: usize, head: &Head, answer: &Map, origin: Origin) {
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

    fn credit(&mut self, generation: i64, doubtful: i64, report: &[Entry]) {
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

    fn note(&mut self, answer: &Map, origin: Origin) {
        for (id, now) in answer {
            let best = self.best.entry((origin, id.clone())).or_default();
            best.0 = best.0.max(now.tx.cast_signed());
            best.1 = best.1.max(now.rx.cast_signed());
        }
    }

    fn retain(&mut self) {
        // Rows stay for `retention.connections` after the end besides: longer than a wrong server stands behind a name,
        // so what is forgotten is in nobody's map any more, nor in an answer that is still read.
        let mut kept: BTreeSet<String> = self
            .servers
            .iter()
            .flat_map(|s| s.online.iter().chain(s.map.keys()).cloned())
            .collect();
        for holder in &self.holders {
            if let Flight::Answer(answer, _) = &holder.flight {
                kept.extend(answer.keys().cloned());
            }
        }
        let before = self.tables.rows.clone();
        self.tables.forget(self.generation, |id| !kept.contains(id));
        for (id, row) in before {
            if !self.tables.rows.contains_key(&id) {
                *self.forgotten.entry(id).or_default() += row.tx.total() + row.rx.total();
            }
        }
    }

    /// The second transaction in its two steps: what is left is listed; later users are locked, summed and stored.
    fn cross(&mut self) {
        let Some(listed) = self.crossing.take() else {
            let listed = self.touched.iter().map(|(u, s)| (*u, *s)).collect();
            self.crossing = Some(listed);
            return;
        };
        let rules = Rules {
            zone: chrono_tz::Tz::UTC,
            thresholds: vec![80, 95],
        };
        for (user, stamp) in listed {
            let sum = self.sum(user);
            let Some(account) = self.accounts.get_mut(&user) else {
                continue;
            };
            let before = account.clone();
            let crossings = settle(account, sum, &rules, self.now);
            assert!(account.used_total >= before.used_total, "used never falls");
            if crossings
                .iter()
                .any(|c| matches!(c, Crossing::Reset { .. }))
            {
                let window = account.window_baseline - before.window_baseline;
                *self.used_in_windows.entry(user).or_default() += window;
            }
            if self.touched.get(&user) == Some(&stamp) {
                self.touched.remove(&user);
            }
        }
    }

    fn sum(&self, user: i64) -> i64 {
        let of_user = self.tables.totals.iter().filter(|((u, _), _)| *u == user);
        of_user.map(|(_, (tx, rx))| tx + rx).sum()
    }

    // What must hold.

    /// Whether bytes of merged answers are missing that nobody could have seen.
    fn check(&mut self, seed: u64) -> bool {
        while !self.touched.is_empty() || self.crossing.is_some() {
            self.cross();
        }
        for user in 0..3 {
            let account = &self.accounts[&user];
            assert_eq!(
                account.used_total,
                self.sum(user),
                "seed {seed} user {user}"
            );
            let windows = self.used_in_windows.get(&user).copied().unwrap_or_default();
            assert_eq!(
                account.used + windows,
                account.used_total,
                "seed {seed} user {user}"
            );
        }
        let mut credited: BTreeMap<String, i64> = self.forgotten.clone();
        for (id, row) in &self.tables.rows {
            *credited.entry(id.clone()).or_default() += row.tx.total() + row.rx.total();
        }
        assert_eq!(
            credited.values().sum::<i64>(),
            self.tables.credited(),
            "seed {seed}: connections and totals"
        );
        let mut largest: BTreeMap<String, i64> = BTreeMap::new();
        for ((_, id), (tx, rx)) in &self.best {
            *largest.entry(id.clone()).or_default() += tx + rx;
        }
        let mut held: BTreeMap<String, i64> = self.late_held.clone();
        for entry in &self.tables.held {
            *held.entry(entry.id.clone()).or_default() += entry.tx + entry.rx;
        }
        let mut lost = false;
        for (id, credited) in &credited {
            let moved = self.moved.get(id).copied().unwrap_or_default();
            assert!(
                *credited <= moved,
                "seed {seed} {id}: {credited} of {moved}"
            );
            let most = largest.get(id).copied().unwrap_or_default();
            assert!(
                *credited <= most,
                "seed {seed} {id}: {credited}, merged {most}"
            );
        }
        for (id, most) in &largest {
            let credited = credited.get(id).copied().unwrap_or_default();
            let held = held.get(id).copied().unwrap_or_default();
            if credited + held < *most {
                assert!(
                    self.mixed,
                    "seed {seed} {id}: {credited} + {held} of {most} merged"
                );
                lost = true;
            }
        }
        lost
    }
}

fn counters(tx: i64, rx: i64) -> Counters {
    Counters {
        tx: tx.cast_unsigned(),
        rx: rx.cast_unsigned(),
    }
}

fn entry(id: &str, now: Counters) -> Entry {
    let mut parts = id.split('.').map(|part| part.parse().unwrap_or_default());
    let owner = (parts.next().unwrap(), parts.next().unwrap());
    (
        id.to_owned(),
        owner,
        now.tx.cast_signed(),
        now.rx.cast_signed(),
    )
}

#[test]
fn no_schedule_loses_or_invents_a_byte() {
    let seed = seed();
    let n = schedules(2_000, 1_000_000);
    let (mut unseen, mut generations, mut doubts, mut late) = (0, 0, 0, 0);
    for schedule in 0..n {
        let seed = seed.wrapping_add(schedule);
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        unseen += u64::from(world.check(seed));
        generations += world.generation - 1;
        doubts += world
            .tables
            .held
            .iter()
            .filter(|h| h.reason == "doubt")
            .count();
        late += world.late_held.len();
    }
    println!(
        "{n} schedules of {STEPS} steps: {generations} generations, {doubts} values in doubt, {late} ids held of late clean-ups, {unseen} schedules with an emptying that nobody could see"
    );
    assert!(
        generations > n.cast_signed() && doubts > 0 && late > 0,
        "the schedules reach everything"
    );
    assert!(unseen * 20 <= n, "{unseen} of {n}");
}
