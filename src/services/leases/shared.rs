//! What this instance says to Redis about leases, and what it hears back.
use super::Inner;
use crate::{
    admission::{
        AddrKey,
        concurrency::{BRAKE, Claim, DISPLACEMENTS, Held, Listed, Observed, Taken},
    },
    cache::{
        self, Cache,
        keys::UNCONFIRMED,
        leases::{Claim as Asked, Decided, Seen},
    },
    models::{DeviceNo, NodeNo, OnConflict, UserNo},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::{HashMap, HashSet},
    fmt::Display,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

/// How often the leases of everything that is listed are confirmed.
const CONFIRM_EVERY: TimeDelta = TimeDelta::seconds(20);
const NEWS_QUEUE: usize = 16_384;
const NEWS_AT_ONCE: usize = 20_000;

/// The link to Redis and what is known about its state.
pub(super) struct Shared {
    pub(super) cache: Cache,
    /// The installation's id.
    pub(super) space: String,
    pub(super) state: Mutex<State>,
    up: AtomicBool,
    /// Wakes the healing at once.
    pub(super) hurry: Notify,
    news: mpsc::Sender<News>,
}

/// What happened to a lease on a node, for the node's reader.
pub(super) type News = (NodeNo, String);

#[derive(Default)]
pub(super) struct State {
    /// `<space>:<epoch>` as Redis had it; an epoch begins when Redis is found empty.
    pub(super) epoch: String,
    /// It was found to have changed, and nothing was done about it yet.
    pub(super) lost: bool,
    /// Other instances need a moment to notice a new epoch and say what they hold.
    pub(super) settles_at: Option<Instant>,
    /// The nodes that this instance reads: when it last did, when it last confirmed all that was listed.
    pub(super) read: HashMap<NodeNo, (DateTime<Utc>, DateTime<Utc>)>,
}

impl Shared {
    pub(super) fn new(cache: Cache, space: &str) -> (Self, mpsc::Receiver<News>) {
        let (news, told) = mpsc::channel(NEWS_QUEUE);
        let shared = Self {
            cache,
            space: space.to_owned(),
            state: Mutex::default(),
            up: AtomicBool::new(false),
            hurry: Notify::new(),
            news,
        };
        (shared, told)
    }

    pub(super) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    pub(super) fn set_up(&self) {
        if !self.up.swap(true, Ordering::AcqRel) {
            tracing::info!("redis decides about leases");
        }
    }

    /// Redis did not do as asked, or is not ours: this instance decides alone until it answers again.
    pub(super) fn set_down(&self, err: &dyn Display) {
        if self.up.swap(false, Ordering::AcqRel) {
            tracing::warn!(error = %err, "redis does not decide: leases fall back to this instance's memory");
            self.hurry.notify_one();
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes an answer on, or notes that Redis is away.
    fn heard<T>(&self, answer: Result<T, cache::Error>) -> Option<T> {
        answer.inspect_err(|err| self.set_down(err)).ok()
    }

    fn tell(&self, node: NodeNo, line: String) {
        // A full queue: the reader learns it when it confirms what is listed.
        let _ = self.news.try_send((node, line));
    }
}

fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

impl Inner {
    fn up(&self) -> Option<&Shared> {
        self.shared.as_ref().filter(|shared| shared.is_up())
    }

    /// Lets Redis decide; `None`: it cannot, or was emptied until the deadline.
    pub(super) async fn take_shared(&self, claim: &Claim, deadline: Instant) -> Option<Taken> {
        let bound = claim.needs_full_sight();
        loop {
            let shared = self.up()?;
            // Before the gate: an open one has counted everybody in the epochs up to now and in none that comes.
            let epoch = shared.state().epoch.clone();
            if bound {
                self.gate.passed(deadline).await;
            }
            let now = self.clock.now();
            let asked = Asked {
                user: claim.user.0,
                device: claim.device.0,
                node: claim.node.0,
                id: &claim.id,
                addr: claim.addr.map(|a| a.0),
                max_connections: claim.max_connections,
                refuse: claim.on_conflict == OnConflict::Refuse,
                online_limit: claim.online_limit,
                now: micros(now),
                brake: BRAKE.num_microseconds().unwrap_or(i64::MAX),
                displacements: DISPLACEMENTS,
                space: &epoch,
                bound,
            };
            let (here, decided) = shared.heard(shared.cache.take_lease(asked).await)?;
            if !here {
                self.lost(shared, &epoch);
            }
            let taken = self.apply(claim, now, decided, shared);
            if taken.is_some() || deadline <= Instant::now() {
                return taken;
            }
        }
    }

    /// What Redis knew is gone: nobody is decided over it until all nodes were heard.
    fn lost(&self, shared: &Shared, epoch: &str) {
        let mut state = shared.state();
        if state.epoch == epoch && !state.lost {
            state.lost = true;
            self.gate.shut();
            shared.hurry.notify_one();
        }
    }

    fn apply(
        &self,
        claim: &Claim,
        now: DateTime<Utc>,
        decided: Decided,
        shared: &Shared,
    ) -> Option<Taken> {
        let displaced = match decided {
            Decided::Nothing => return None,
            Decided::DeviceLimit => return Some(Taken::DeviceLimit),
            Decided::DeviceConcurrency { braked_now } => {
                return Some(Taken::DeviceConcurrency { braked_now });
            }
            Decided::Leased(displaced) => displaced,
        };
        self.table.hold(claim, now);
        let addr = claim.addr.map_or_else(|| "-".into(), |a| a.0.to_string());
        let (user, device, since) = (claim.user, claim.device, micros(now));
        let opened = format!("l {user} {device} {since} {addr} {}", claim.id);
        shared.tell(claim.node, opened);
        let nodes = displaced.into_iter().map(|(node, id)| {
            let node = NodeNo(node);
            let id = &id;
            self.table.displace(node, Listed { id, user, device }, now);
            shared.tell(node, format!("k {user} {device} {id}"));
            node
        });
        Some(Taken::Leased {
            displaced: nodes.collect(),
        })
    }

    /// Learns what other instances decided about a node that this one reads.
    pub(super) async fn hear_news(&self, node: NodeNo) {
        let Some(shared) = self.up() else { return };
        let news = shared.cache.take_news(node.0, NEWS_AT_ONCE).await;
        for line in shared.heard(news).unwrap_or_default() {
            if self.hear(node, &line).is_none() {
                tracing::warn!(%node, "news about a lease that cannot be read");
            }
        }
    }

    fn hear(&self, node: NodeNo, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let state = words.next()?;
        let user = UserNo(words.next()?.parse().ok()?);
        let device = DeviceNo(words.next()?.parse().ok()?);
        if state == "k" {
            let id = words.next()?;
            (self.table).displace(node, Listed { id, user, device }, self.clock.now());
            return Some(());
        }
        let since = DateTime::from_timestamp_micros(words.next()?.parse().ok()?)?;
        let addr = words.next()?.parse().ok().map(AddrKey);
        let claim = Claim {
            user,
            device,
            node,
            id: words.next()?.into(),
            addr,
            max_connections: 1,
            on_conflict: OnConflict::Newest,
            online_limit: None,
        };
        self.table.hold(&claim, since);
        Some(())
    }

    /// Brings an answer to Redis: what ended, what is new, and every 20 s all of it.
    pub(super) async fn tell_observed(
        &self,
        node: NodeNo,
        asked_at: DateTime<Utc>,
        listed: &[Listed<'_>],
        observed: &mut Observed,
    ) {
        let Some(shared) = &self.shared else {
            return;
        };
        let all = {
            let mut state = shared.state();
            let never = DateTime::UNIX_EPOCH;
            let (read, confirmed) = state.read.entry(node).or_insert((never, never));
            *read = asked_at;
            let all = asked_at - *confirmed >= CONFIRM_EVERY;
            if all && shared.is_up() {
                *confirmed = asked_at;
            }
            all
        };
        if !shared.is_up() {
            return;
        }
        // First, so that nothing which ended takes a place from what is new.
        self.tell_ended(&observed.ended).await;
        let kicked: HashSet<&str> = observed.kick.iter().map(|id| &**id).collect();
        let now = self.clock.now();
        let until = micros(now) + lease_time();
        let seen = |user: UserNo, device: DeviceNo, id| Seen {
            user: user.0,
            device: device.0,
            node: node.0,
            id,
            addr: None,
            since: micros(asked_at),
            until,
            kick_pending: kicked.contains(id),
        };
        let seen: Vec<Seen<'_>> = if all {
            let each = listed.iter().map(|l| seen(l.user, l.device, l.id));
            each.collect()
        } else {
            let each = observed.regained.iter();
            each.map(|h| seen(h.user, h.device, &h.id)).collect()
        };
        let Some(pending) = shared.heard(shared.cache.confirm_leases(&seen).await) else {
            return;
        };
        let pending: HashSet<&str> = pending.iter().map(|id| &**id).collect();
        let news = listed
            .iter()
            .filter(|l| pending.contains(l.id) && self.table.displace(node, **l, now));
        let news: Vec<Arc<str>> = news.map(|l| l.id.into()).collect();
        drop(seen);
        observed.regained.retain(|held| !news.contains(&held.id));
        observed.kick.extend(news);
    }

    /// These leases ended.
    pub(super) async fn tell_ended(&self, ended: &[Held]) {
        let Some(shared) = self.up().filter(|_| !ended.is_empty()) else {
            return;
        };
        let ended: Vec<(i64, &str)> = ended.iter().map(|h| (h.user.0, &*h.id)).collect();
        shared.heard(shared.cache.end_leases(&ended).await);
    }

    /// This node's connections are counted, or cannot be. Alone, the gate hears it here; else from Redis, which also has
    /// what other instances heard.
    pub(super) async fn heard(&self, node: NodeNo) {
        self.gate.know(node);
        let Some(shared) = &self.shared else {
            self.gate.heard(node);
            return;
        };
        let epoch = shared.state().epoch.clone();
        if shared.is_up() {
            shared.heard(shared.cache.mark_seeded(&epoch, node.0).await);
        }
        if !self.gate.is_open() {
            shared.hurry.notify_one();
        }
    }

    /// These wait for their kick.
    pub(super) async fn tell_displaced(&self, node: NodeNo, displaced: &[Listed<'_>]) {
        let Some(shared) = self.up().filter(|_| !displaced.is_empty()) else {
            return;
        };
        let now = micros(self.clock.now());
        let marked = displaced.iter().map(|l| Seen {
            user: l.user.0,
            device: l.device.0,
            node: node.0,
            id: l.id,
            addr: None,
            since: now,
            until: now + lease_time(),
            kick_pending: true,
        });
        let marked: Vec<Seen<'_>> = marked.collect();
        shared.heard(shared.cache.confirm_leases(&marked).await);
        for l in displaced {
            shared.tell(node, format!("k {} {} {}", l.user, l.device, l.id));
        }
    }

    /// Asks Redis who waits for a kick; `None`: it cannot say.
    pub(super) async fn ask_kicks_pending(
        &self,
        ids: &[(UserNo, NodeNo, &str)],
    ) -> Option<Vec<bool>> {
        let shared = self.up().filter(|_| !ids.is_empty())?;
        let asked: Vec<(i64, &str)> = ids.iter().map(|(user, _, id)| (user.0, *id)).collect();
        shared.heard(shared.cache.kicks_pending(&asked).await)
    }
}

/// How long a lease stands in Redis after somebody confirmed it.
pub(super) fn lease_time() -> i64 {
    i64::try_from(UNCONFIRMED.as_micros()).unwrap_or(i64::MAX)
}

/// Tells the nodes' readers what happened, in batches, until the leases end.
pub(super) async fn tell(inner: Arc<Inner>, mut news: mpsc::Receiver<News>) {
    let mut batch = Vec::new();
    while news.recv_many(&mut batch, 512).await > 0 {
        if let Some(shared) = inner.up() {
            let lines: Vec<(i64, String)> = batch.drain(..).map(|(n, line)| (n.0, line)).collect();
            shared.heard(shared.cache.tell_nodes(&lines).await);
        }
        batch.clear();
    }
}
