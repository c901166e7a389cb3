//! Leases with a clock to turn, over memory or over Redis.
use crate::support::{clock::TurnedClock, redis};
use chrono::{DateTime, TimeDelta, Utc};
use hywarden::{
    admission::{
        AddrKey,
        concurrency::{Claim, Listed, Observed, Taken},
    },
    cache::Cache,
    clock::Clock,
    models::{DeviceNo, NodeNo, OnConflict, UserNo},
    services::leases::Leases,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    Memory,
    Redis,
}

pub struct World {
    pub clock: Arc<TurnedClock>,
    pub leases: Arc<Leases>,
    next: AtomicU32,
}

pub const SPACE: &str = "space";

impl World {
    pub async fn new(store: Store) -> Self {
        match store {
            Store::Memory => {
                let clock = clock();
                let leases = Leases::memory(clock.clone());
                Self::of(clock, leases)
            }
            Store::Redis => {
                let (url, prefix) = redis::shared().await;
                Self::instance(clock(), &url, &prefix).await
            }
        }
    }

    pub async fn instance(clock: Arc<TurnedClock>, url: &str, prefix: &str) -> Self {
        // a loaded machine is no outage of Redis: then an instance decides alone, rightly, and differently
        let cache = Cache::answering_within(PATIENCE, url, prefix).unwrap();
        let leases = Leases::shared(clock.clone(), cache, SPACE).await.unwrap();
        assert_eq!(leases.redis_up(), Some(true));
        Self::of(clock, leases)
    }

    pub fn of(clock: Arc<TurnedClock>, leases: Leases) -> Self {
        Self {
            clock,
            leases: Arc::new(leases),
            next: AtomicU32::new(0),
        }
    }

    pub fn turn(&self, by: TimeDelta) {
        self.clock.turn(by);
    }

    /// A login by a device of user 1 with everything at its default.
    pub fn login(&self, device: i64, node: i64) -> Claim {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        Claim {
            user: UserNo(1),
            device: DeviceNo(device),
            node: NodeNo(node),
            id: format!("{device}.{node}.{n}.{:p}", Arc::as_ptr(&self.leases)).into(),
            addr: Some(AddrKey(7)),
            max_connections: 1,
            on_conflict: OnConflict::Newest,
            online_limit: None,
        }
    }

    /// A millisecond later, the answer to this claim.
    pub async fn take(&self, claim: &Claim) -> Taken {
        self.turn(TimeDelta::milliseconds(1));
        self.leases.take(claim, patient()).await
    }

    /// A millisecond later, the node lists these.
    pub async fn lists(&self, node: i64, claims: &[&Claim]) -> Observed {
        self.turn(TimeDelta::milliseconds(1));
        let asked_at = self.clock.now();
        self.turn(TimeDelta::milliseconds(1));
        let listed: Vec<Listed<'_>> = claims.iter().map(|c| listed(c)).collect();
        self.leases.observe(NodeNo(node), asked_at, &listed).await
    }

    pub async fn kick_pending(&self, claim: &Claim) -> bool {
        let asked = (claim.user, claim.node, &*claim.id);
        self.leases.kicks_pending(&[asked]).await[0]
    }
}

/// Two instances on one Redis.
pub async fn pair(url: &str, prefix: &str) -> [World; 2] {
    let clock = clock();
    [
        World::instance(clock.clone(), url, prefix).await,
        World::instance(clock, url, prefix).await,
    ]
}

/// A login of a user that may have this many devices online.
pub fn capped(world: &World, device: i64, limit: u32) -> Claim {
    Claim {
        online_limit: Some(limit),
        ..world.login(device, 1)
    }
}

pub fn listed(claim: &Claim) -> Listed<'_> {
    Listed {
        id: &claim.id,
        user: claim.user,
        device: claim.device,
    }
}

pub fn clock() -> Arc<TurnedClock> {
    Arc::new(TurnedClock::at(
        DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(20_000),
    ))
}

/// A deadline that no load lets pass: behind it a login is decided by what little is known.
pub fn patient() -> Instant {
    Instant::now() + PATIENCE
}

pub fn leased() -> Taken {
    Taken::Leased { displaced: vec![] }
}

/// The answer of a claim that displaced one connection on each of these nodes.
pub fn displacing(nodes: &[i64]) -> Taken {
    Taken::Leased {
        displaced: nodes.iter().map(|n| NodeNo(*n)).collect(),
    }
}

/// Writes each test twice: over memory and over Redis.
macro_rules! over_both {
    ($($(#[$doc:meta])* async fn $name:ident($world:ident) $body:block)*) => { $(
        $(#[$doc])*
        mod $name {
            use super::*;
            async fn story($world: World) $body
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn memory() { story(World::new(Store::Memory).await).await; }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn redis() { story(World::new(Store::Redis).await).await; }
        }
    )* };
}
pub(super) use over_both;
