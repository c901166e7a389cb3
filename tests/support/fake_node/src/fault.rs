//! What can go wrong with one answer.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Duration,
};

use crate::{Ask, lock};

/// One way to fail.
#[derive(Clone)]
pub enum Fault {
    /// The connection closes before the question is looked at: a clear did not happen.
    LostBefore,
    /// The question is done, the answer never leaves: a clear happened.
    LostAfter,
    /// The question is done at once, its answer comes when the gate opens.
    Held(Gate),
    /// The question is looked at only when the gate opens.
    HeldBefore(Gate),
    /// The question is looked at when the first gate opens, and its answer comes when the second one does.
    HeldTwice(Gate, Gate),
    /// The answer comes after this long.
    Delay(Duration),
    /// Head and half of the body, and then nothing more on an open connection.
    Stalls,
    /// The body comes in pieces of this size with this pause.
    Dribble(usize, Duration),
    /// Whole HTTP around half of the JSON.
    HalfJson,
    /// Half of the body that the head promised.
    BreaksOff,
    /// This status with an empty body.
    Status(u16),
    /// Status 302 to this address.
    Redirect(String),
    /// This body.
    Garbage(Vec<u8>),
    /// The true answer, filled with entries of foreign ids up to this size.
    Huge(u64),
    /// A body without an end: entries until the other side hangs up.
    Endless,
}

/// Keeps an answer back until it is opened; clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<Passage>, Condvar)>);

#[derive(Default)]
struct Passage {
    open: bool,
    waiting: usize,
}

impl Gate {
    /// A shut one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets everything through, now and later.
    pub fn open(&self) {
        lock(&self.0.0).open = true;
        self.0.1.notify_all();
    }

    /// Waits until somebody stands before it.
    pub fn wait_for_arrival(&self) {
        let mut passage = lock(&self.0.0);
        while passage.waiting == 0 && !passage.open {
            passage = self
                .0
                .1
                .wait(passage)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(crate) fn pass(&self) {
        let mut passage = lock(&self.0.0);
        passage.waiting += 1;
        self.0.1.notify_all();
        while !passage.open {
            passage = self
                .0
                .1
                .wait(passage)
                .unwrap_or_else(PoisonError::into_inner);
        }
        passage.waiting -= 1;
    }
}

#[derive(Default)]
pub(crate) struct Faults {
    next: HashMap<Ask, VecDeque<Fault>>,
    always: HashMap<Ask, Fault>,
}

impl Faults {
    pub(crate) fn next(&mut self, ask: Ask, fault: Fault) {
        self.next.entry(ask).or_default().push_back(fault);
    }

    pub(crate) fn always(&mut self, ask: Ask, fault: Fault) {
        self.always.insert(ask, fault);
    }

    pub(crate) fn take(&mut self, ask: Ask) -> Option<Fault> {
        let next = self.next.get_mut(&ask).and_then(VecDeque::pop_front);
        next.or_else(|| self.always.get(&ask).cloned())
    }
}
