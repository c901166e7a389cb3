//! After a start nobody knows yet who is online. Logins whose answer hangs on it wait until every node was asked once.
use crate::models::NodeNo;
use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// Open once each expected node's first answer came or failed.
#[derive(Debug)]
pub struct Gate {
    open: AtomicBool,
    silent: Mutex<BTreeSet<NodeNo>>,
}

impl Gate {
    /// Shut until all of these were heard; with none of them it is open.
    pub fn new(nodes: impl IntoIterator<Item = NodeNo>) -> Self {
        let silent: BTreeSet<NodeNo> = nodes.into_iter().collect();
        Self {
            open: AtomicBool::new(silent.is_empty()),
            silent: Mutex::new(silent),
        }
    }

    /// This node answered, failed to, or is gone. True when that opened the gate.
    pub fn heard(&self, node: NodeNo) -> bool {
        if self.is_open() {
            return false;
        }
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.remove(&node);
        silent.is_empty() && !self.open.swap(true, Ordering::AcqRel)
    }

    /// Shuts it again until all of these were heard: what was known about who is online is lost.
    pub fn shut(&self, nodes: impl IntoIterator<Item = NodeNo>) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        *silent = nodes.into_iter().collect();
        self.open.store(silent.is_empty(), Ordering::Release);
    }

    /// Whether everything can be decided.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }
}
