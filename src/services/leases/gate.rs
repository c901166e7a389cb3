//! The start gate with its waiting room.
use crate::{admission::concurrency::Gate, models::NodeNo};
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// Logins wait here until every node was heard.
pub(super) struct StartGate {
    gate: Gate,
    opened: Notify,
    nodes: Mutex<BTreeSet<NodeNo>>,
}

impl Default for StartGate {
    fn default() -> Self {
        Self {
            gate: Gate::new([]),
            opened: Notify::new(),
            nodes: Mutex::default(),
        }
    }
}

impl StartGate {
    /// These nodes there are, and none of them was heard yet.
    pub(super) fn expect(&self, nodes: &[NodeNo]) {
        *self.nodes() = nodes.iter().copied().collect();
        self.shut();
    }

    /// What the nodes said is lost: hear them all again.
    pub(super) fn shut(&self) {
        self.gate.shut(self.nodes().iter().copied());
        self.wake();
    }

    /// This node there is.
    pub(super) fn know(&self, node: NodeNo) {
        self.nodes().insert(node);
    }

    /// This node answered, or failed to.
    pub(super) fn heard(&self, node: NodeNo) {
        self.gate.heard(node);
        self.wake();
    }

    /// This node is gone.
    pub(super) fn forget(&self, node: NodeNo) {
        self.nodes().remove(&node);
        self.gate.heard(node);
        self.wake();
    }

    /// Whether everything can be decided.
    pub(super) fn is_open(&self) -> bool {
        self.gate.is_open()
    }

    /// Returns when the gate is open, or the deadline past.
    pub(super) async fn passed(&self, deadline: Instant) {
        while !self.gate.is_open() {
            let opened = self.opened.notified();
            if self.gate.is_open() || timeout_at(deadline, opened).await.is_err() {
                return;
            }
        }
    }

    fn nodes(&self) -> MutexGuard<'_, BTreeSet<NodeNo>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if self.gate.is_open() {
            self.opened.notify_waiters();
        }
    }
}
