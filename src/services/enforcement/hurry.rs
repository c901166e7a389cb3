//! Wakes the one loop that reads a node, when there is somebody to kick or something to read now.
use crate::models::NodeNo;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// One bell a node. A ring before the loop listens is not lost.
#[derive(Default)]
pub struct Hurry {
    bells: Mutex<HashMap<NodeNo, Arc<Notify>>>,
}

impl Hurry {
    /// The bell that a node's loop waits on.
    pub fn bell(&self, node: NodeNo) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(node).or_default().clone()
    }

    /// Rings one node's bell.
    pub fn node(&self, node: NodeNo) {
        self.bell(node).notify_one();
    }

    /// Rings every bell: a rebuilt directory, a `reload`.
    pub fn all(&self) {
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.values().for_each(|bell| bell.notify_one());
    }
}
