//! Who is online, for this instance or for all of them: the same verbs over memory and over Redis.
//!
//! One instance keeps its leases in memory and awaits nothing but the start gate. Several share them in Redis (`shared`):
//! there the decision is Redis', and this instance's table is its replica of what it decided or reads itself. While Redis
//! is away the table decides, and when Redis is back it is seeded from the tables again (`heal`).
mod gate;
mod heal;
mod shared;

use crate::{
    admission::concurrency::{Claim, Held, Listed, Observed, Online, Table, Taken},
    cache::Cache,
    clock::Clock,
    models::{NodeNo, UserNo},
};
use chrono::{DateTime, Utc};
use gate::StartGate;
use shared::Shared;
use std::sync::Arc;
use tokio::{task::JoinSet, time::Instant};

/// The leases of connections.
pub struct Leases {
    inner: Arc<Inner>,
    /// What keeps the shared leases true; ends with this.
    _tasks: JoinSet<()>,
}

struct Inner {
    clock: Arc<dyn Clock>,
    table: Table,
    gate: StartGate,
    shared: Option<Shared>,
}

impl Leases {
    /// Leases in this instance's memory: for an installation of one instance.
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: Arc::new(Inner {
                clock,
                table: Table::default(),
                gate: StartGate::default(),
                shared: None,
            }),
            _tasks: JoinSet::new(),
        }
    }

    /// Leases in Redis, under the installation's `lease_space` id. Refuses a Redis that holds those of another
    /// installation; one that does not answer yet is taken into use when it does. Call it on the main runtime.
    pub async fn shared(
        clock: Arc<dyn Clock>,
        cache: Cache,
        lease_space: &str,
    ) -> anyhow::Result<Self> {
        let (shared, news) = Shared::new(cache, lease_space);
        let inner = Arc::new(Inner {
            clock,
            table: Table::default(),
            gate: StartGate::default(),
            shared: Some(shared),
        });
        heal::once(&inner).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(heal::keep(Arc::clone(&inner)));
        tasks.spawn(shared::tell(Arc::clone(&inner), news));
        Ok(Self {
            inner,
            _tasks: tasks,
        })
    }

    /// The nodes that there are at a start, before the first login. Logins that hang on who is online wait until each of
    /// them has answered, or failed to.
    pub fn expect(&self, nodes: &[NodeNo]) {
        self.inner.gate.expect(nodes);
        if let Some(shared) = &self.inner.shared {
            shared.hurry.notify_one();
        }
    }

    /// Decides a claim and leases if the answer is yes.
    ///
    /// After a start it waits, where the answer hangs on it, until all nodes were heard or `deadline` is past.
    pub async fn take(&self, claim: &Claim, deadline: Instant) -> Taken {
        if let Some(taken) = self.inner.take_shared(claim, deadline).await {
            return taken;
        }
        let alone = self.inner.shared.is_none();
        if alone && claim.needs_full_sight() {
            self.inner.gate.passed(deadline).await;
        }
        self.inner.table.take(claim, self.inner.clock.now())
    }

    /// Applies a node's `/online` answer that was asked for at `asked_at`.
    pub async fn observe(
        &self,
        node: NodeNo,
        asked_at: DateTime<Utc>,
        listed: &[Listed<'_>],
    ) -> Observed {
        let inner = &self.inner;
        inner.hear_news(node).await;
        let mut observed = (inner.table).observe(node, asked_at, listed, inner.clock.now());
        (inner.tell_observed(node, asked_at, listed, &mut observed)).await;
        inner.heard(node).await;
        observed
    }

    /// A read of the node failed; it could not be read since `since`. Its leases end once that is 90 s ago.
    pub async fn node_unreadable(&self, node: NodeNo, since: DateTime<Utc>) -> Vec<Held> {
        let inner = &self.inner;
        let ended = (inner.table).node_unreadable(node, since, inner.clock.now());
        inner.tell_ended(&ended).await;
        inner.heard(node).await;
        ended
    }

    /// A node is gone, and its leases with it.
    pub async fn forget_node(&self, node: NodeNo) {
        let ended = (self.inner.table).forget_node(node, self.inner.clock.now());
        self.inner.tell_ended(&ended).await;
        self.inner.gate.forget(node);
    }

    /// These connections will be kicked: they count nowhere from here on.
    pub async fn displace(&self, node: NodeNo, listed: &[Listed<'_>]) {
        let inner = &self.inner;
        let now = inner.clock.now();
        let fresh = |entry: &&Listed<'_>| inner.table.displace(node, **entry, now);
        let fresh: Vec<Listed<'_>> = listed.iter().filter(fresh).copied().collect();
        inner.tell_displaced(node, &fresh).await;
    }

    /// Whether each of these connections waits for its kick, wherever that was decided.
    pub async fn kicks_pending(&self, ids: &[(UserNo, NodeNo, &str)]) -> Vec<bool> {
        match self.inner.ask_kicks_pending(ids).await {
            Some(pending) => pending,
            None => ids
                .iter()
                .map(|(_, node, id)| self.inner.table.kick_pending(*node, id))
                .collect(),
        }
    }

    /// The nodes on which this user is online, as far as this instance decided or reads it.
    pub fn nodes_of(&self, user: UserNo) -> Vec<NodeNo> {
        self.inner.table.nodes_of(user)
    }

    /// How many are online, as far as this instance decided or reads it.
    pub fn online(&self) -> Online {
        self.inner.table.online()
    }

    /// Devices online on each node, as far as this instance decided or reads it.
    pub fn devices_by_node(&self) -> Vec<(NodeNo, usize)> {
        self.inner.table.devices_by_node()
    }

    /// Whether Redis decides; `None`: there is none.
    pub fn redis_up(&self) -> Option<bool> {
        self.inner.shared.as_ref().map(Shared::is_up)
    }
}
