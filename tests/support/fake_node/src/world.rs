//! What a Hysteria2 process remembers, and how (`extras/trafficlogger`): everything in memory, under one mutex.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// What became of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Delivered and counted.
    Counted,
    /// Dropped: it consumed a kick mark and closed one connection of the id.
    Kicked,
}

#[derive(Default)]
pub(crate) struct World {
    entries: BTreeMap<String, Entry>,
    pub(crate) online: BTreeMap<String, u32>,
    pub(crate) kicks: BTreeSet<String>,
}

enum Entry {
    Counted { tx: u64, rx: u64 },
    Raw(Value),
}

impl World {
    pub(crate) fn connect(&mut self, id: &str) {
        *self.online.entry(id.to_owned()).or_default() += 1;
    }

    pub(crate) fn disconnect(&mut self, id: &str) {
        if let Some(count) = self.online.get_mut(id) {
            *count -= 1;
            if *count == 0 {
                self.online.remove(id);
            }
        }
    }

    pub(crate) fn moves(&mut self, id: &str, tx: u64, rx: u64) -> Moved {
        if self.kicks.remove(id) {
            self.disconnect(id);
            return Moved::Kicked;
        }
        let entry = self
            .entries
            .entry(id.to_owned())
            .or_insert(Entry::Counted { tx: 0, rx: 0 });
        if let Entry::Counted { tx: up, rx: down } = entry {
            *up += tx;
            *down += rx;
        }
        Moved::Counted
    }

    pub(crate) fn set(&mut self, id: &str, tx: u64, rx: u64) {
        self.entries
            .insert(id.to_owned(), Entry::Counted { tx, rx });
    }

    pub(crate) fn set_raw(&mut self, id: &str, json: &str) {
        let value = serde_json::from_str(json).expect("the raw entry is JSON");
        self.entries.insert(id.to_owned(), Entry::Raw(value));
    }

    pub(crate) fn forget(&mut self, id: &str) {
        self.entries.remove(id);
    }

    /// Marks ids, known or not, online or not.
    pub(crate) fn kick(&mut self, ids: Vec<String>) {
        self.kicks.extend(ids);
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn counters(&self) -> BTreeMap<String, (u64, u64)> {
        let counted = |entry: &Entry| match entry {
            Entry::Counted { tx, rx } => Some((*tx, *rx)),
            Entry::Raw(_) => None,
        };
        self.entries
            .iter()
            .filter_map(|(id, entry)| Some((id.clone(), counted(entry)?)))
            .collect()
    }

    /// As `/traffic` says it: sorted, as Go writes maps.
    pub(crate) fn traffic(&self) -> Vec<u8> {
        let entries: BTreeMap<&String, Value> = self
            .entries
            .iter()
            .map(|(id, entry)| match entry {
                Entry::Counted { tx, rx } => (id, json!({"tx": tx, "rx": rx})),
                Entry::Raw(value) => (id, value.clone()),
            })
            .collect();
        serde_json::to_vec(&entries).expect("maps of strings are JSON")
    }
}
