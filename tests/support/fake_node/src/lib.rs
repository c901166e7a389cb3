//! A Hysteria2 server as its stats API shows it, over real HTTP on loopback, for what the real one cannot be made to
//! do. `world` has the semantics (one mutex, kick marks that the next chunk consumes, clear), `serve` the HTTP, `fault`
//! what can go wrong with an answer. Threads of its own, so that a test's runtime may be blocked or gone.
mod fault;
mod serve;
mod world;

pub use fault::{Fault, Gate};
pub use serve::Call;
pub use world::Moved;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use fault::Faults;
use world::World;

/// Which question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ask {
    /// `GET /`
    Root,
    /// `GET /traffic`
    Traffic,
    /// `GET /traffic?clear=1`
    Clear,
    /// `GET /online`
    Online,
    /// `POST /kick`
    Kick,
}

/// One fake server; gone with the last clone.
#[derive(Clone)]
pub struct FakeNode {
    shared: Arc<Shared>,
    _stop: Arc<serve::Stop>,
}

struct Shared {
    addr: SocketAddr,
    state: Mutex<State>,
    called: Condvar,
}

struct State {
    secret: String,
    world: Arc<Mutex<World>>,
    own_world: Arc<Mutex<World>>,
    faults: Faults,
    calls: Vec<Call>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeNode {
    /// Listens on a free port of 127.0.0.1.
    pub fn start(secret: &str) -> Self {
        let world = Arc::new(Mutex::new(World::default()));
        serve::start(|addr| Shared {
            addr,
            state: Mutex::new(State {
                secret: secret.to_owned(),
                world: world.clone(),
                own_world: world,
                faults: Faults::default(),
                calls: Vec::new(),
            }),
            called: Condvar::new(),
        })
    }

    /// `http://127.0.0.1:port`
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.addr)
    }

    /// What it must be asked with.
    pub fn secret(&self) -> String {
        self.state().secret.clone()
    }

    /// From now on it wants this one.
    pub fn change_secret(&self, secret: &str) {
        self.state().secret = secret.to_owned();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared.state)
    }

    fn world<T>(&self, with: impl FnOnce(&mut World) -> T) -> T {
        let world = self.state().world.clone();
        let mut world = lock(&world);
        with(&mut world)
    }

    // What clients do.

    /// A connection with this id was admitted.
    pub fn connect(&self, id: &str) {
        self.world(|world| world.connect(id));
    }

    /// One of its connections ends.
    pub fn disconnect(&self, id: &str) {
        self.world(|world| world.disconnect(id));
    }

    /// A chunk passes, online or not: a copy that ends late logs once more for a dead id. If a kick mark waits, the
    /// chunk is dropped and one connection closed.
    pub fn moves(&self, id: &str, tx: u64, rx: u64) -> Moved {
        self.world(|world| world.moves(id, tx, rx))
    }

    /// Sets counters as they are.
    pub fn set(&self, id: &str, tx: u64, rx: u64) {
        self.world(|world| world.set(id, tx, rx));
    }

    /// An entry that no Hysteria writes: this JSON stands beside the id.
    pub fn set_raw(&self, id: &str, json: &str) {
        self.world(|world| world.set_raw(id, json));
    }

    /// An id disappears, alone.
    pub fn forget(&self, id: &str) {
        self.world(|world| world.forget(id));
    }

    /// The process starts anew: no counters, nobody online, no marks.
    pub fn restart(&self) {
        self.world(|world| *world = World::default());
    }

    /// Somebody else asks with `clear=1`, and keeps the answer.
    pub fn cleared_by_another(&self) -> BTreeMap<String, (u64, u64)> {
        self.world(|world| {
            let counters = world.counters();
            world.clear();
            counters
        })
    }

    // What is behind the name.

    /// Behind the same address stands the other server now.
    pub fn becomes(&self, other: &Self) {
        let world = other.state().world.clone();
        self.state().world = world;
    }

    /// The address leads to its own server again.
    pub fn becomes_itself(&self) {
        let mut state = self.state();
        state.world = state.own_world.clone();
    }

    // What a test asks.

    /// One id's counters.
    pub fn counters(&self, id: &str) -> Option<(u64, u64)> {
        self.world(|world| world.counters().get(id).copied())
    }

    /// All counters.
    pub fn all_counters(&self) -> BTreeMap<String, (u64, u64)> {
        self.world(|world| world.counters())
    }

    /// Connections per id.
    pub fn online(&self) -> BTreeMap<String, u32> {
        self.world(|world| world.online.clone())
    }

    /// Kick marks that wait.
    pub fn marked(&self) -> Vec<String> {
        self.world(|world| world.kicks.iter().cloned().collect())
    }

    /// Everything that was asked so far.
    pub fn calls(&self) -> Vec<Call> {
        self.state().calls.clone()
    }

    /// How often this was asked.
    pub fn count(&self, ask: Ask) -> usize {
        self.state()
            .calls
            .iter()
            .filter(|call| call.ask == Some(ask))
            .count()
    }

    /// Waits until this was asked `times` more from now on, and answered; false if that did not come within `patience`.
    pub fn wait_for(&self, ask: Ask, times: usize, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut state = self.state();
        let answered = |state: &State| {
            state
                .calls
                .iter()
                .filter(|call| call.ask == Some(ask) && call.answered)
                .count()
        };
        let wanted = answered(&state) + times;
        while answered(&state) < wanted {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return false;
            };
            state = self
                .shared
                .called
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    // What goes wrong.

    /// The next answer to this goes wrong; several are taken in order.
    pub fn fail_next(&self, ask: Ask, fault: Fault) {
        self.state().faults.next(ask, fault);
    }

    /// All answers to this go wrong, until [`Self::heal`].
    pub fn fail_always(&self, ask: Ask, fault: Fault) {
        self.state().faults.always(ask, fault);
    }

    /// All answers to everything go wrong.
    pub fn fail_everything(&self, fault: &Fault) {
        let mut state = self.state();
        for ask in [Ask::Root, Ask::Traffic, Ask::Clear, Ask::Online, Ask::Kick] {
            state.faults.always(ask, fault.clone());
        }
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        self.state().faults = Faults::default();
    }
}
