//! Who is online, for this instance or for all of them: the same verbs over memory and over Redis.
//!
//! One instance keeps its leases in memory and awaits nothing but the start gate. Several share them in Redis (`shared`)
//! and fall back to memory, each its own, while Redis is away.
mod gate;

use crate::{
    admission::concurrency::{Claim, Held, Listed, Observed, Online, Table, Taken},
    clock::Clock,
    models::{NodeNo, UserNo},
};
use chrono::{DateTime, Utc};
use gate::StartGate;
use std::sync::Arc;
use tokio::time::Instant;

/// The leases of connections.
pub struct Leases {
    clock: Arc<dyn Clock>,
    table: Table,
    gate: StartGate,
}

#[expect(
    clippy::unused_async,
    reason = "the verbs await once leases are shared in Redis"
)]
impl Leases {
    /// Leases in this instance's memory.
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            table: Table::default(),
            gate: StartGate::default(),
        }
    }

    /// The nodes that there are at a start, before the first login. Logins that hang on who is online wait until each of
    /// them has answered, or failed to.
    pub fn expect(&self, nodes: &[NodeNo]) {
        self.gate.expect(nodes);
    }

    /// Decides a claim and leases if the answer is yes.
    ///
    /// After a start it waits, where the answer hangs on it, until all nodes were heard or `deadline` is past.
    pub async fn take(&self, claim: &Claim, deadline: Instant) -> Taken {
        if claim.needs_full_sight() {
            self.gate.passed(deadline).await;
        }
        self.table.take(claim, self.clock.now())
    }

    /// Applies a node's `/online` answer that was asked for at `asked_at`.
    pub async fn observe(
        &self,
        node: NodeNo,
        asked_at: DateTime<Utc>,
        listed: &[Listed<'_>],
    ) -> Observed {
        let observed = self.table.observe(node, asked_at, listed, self.clock.now());
        self.gate.heard(node);
        observed
    }

    /// A read of the node failed; it could not be read since `since`. Its leases end once that is 90 s ago.
    pub async fn node_unreadable(&self, node: NodeNo, since: DateTime<Utc>) -> Vec<Held> {
        let ended = self.table.node_unreadable(node, since, self.clock.now());
        self.gate.heard(node);
        ended
    }

    /// A node is gone, and its leases with it.
    pub async fn forget_node(&self, node: NodeNo) {
        self.table.forget_node(node, self.clock.now());
        self.gate.forget(node);
    }

    /// These connections will be kicked: they count nowhere from here on.
    pub async fn displace(&self, node: NodeNo, listed: &[Listed<'_>]) {
        for entry in listed {
            self.table.displace(entry.user, node, entry.id);
        }
    }

    /// Whether this connection waits for its kick, as far as this instance knows.
    pub fn kick_pending(&self, node: NodeNo, id: &str) -> bool {
        self.table.kick_pending(node, id)
    }

    /// The nodes on which this user is online, as far as this instance knows.
    pub fn nodes_of(&self, user: UserNo) -> Vec<NodeNo> {
        self.table.nodes_of(user)
    }

    /// How many are online, as far as this instance knows.
    pub fn online(&self) -> Online {
        self.table.online()
    }
}
