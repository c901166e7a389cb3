//! One node's connections as its answers show them: which have appeared, which are missing, which wait for a kick.
use super::{ABSENCES, AddrKey, Held, Holding, Listed, UNREADABLE};
use crate::{
    admission::directory::Ids,
    models::{DeviceNo, NodeNo, UserNo},
};
use chrono::{DateTime, Utc};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

#[derive(Debug)]
struct Presence {
    user: UserNo,
    device: DeviceNo,
    addr: Option<AddrKey>,
    since: DateTime<Utc>,
    /// The last answer that had it.
    round: u64,
    /// Answers in a row, asked after its admission, that lacked it.
    missing: u8,
    kick_pending: bool,
}

/// Everything that may be open on one node.
#[derive(Debug, Default)]
pub(super) struct NodePresence {
    ids: HashMap<Arc<str>, Presence, Ids>,
    round: u64,
    asked_at: Option<DateTime<Utc>>,
}

impl NodePresence {
    /// A lease was taken here.
    pub(super) fn admit(&mut self, held: &Held, addr: Option<AddrKey>, since: DateTime<Utc>) {
        self.ids
            .entry(Arc::clone(&held.id))
            .or_insert_with(|| Presence {
                user: held.user,
                device: held.device,
                addr,
                since,
                round: 0,
                missing: 0,
                kick_pending: false,
            });
    }

    /// This connection is to be kicked; says whether it is known and was not to be already.
    pub(super) fn mark(&mut self, id: &str) -> bool {
        match self.ids.get_mut(id) {
            Some(presence) => !std::mem::replace(&mut presence.kick_pending, true),
            None => false,
        }
    }

    /// Whether it waits for its kick; `None`: not known.
    pub(super) fn kick_pending(&self, id: &str) -> Option<bool> {
        self.ids.get(id).map(|p| p.kick_pending)
    }

    /// Applies an answer. Returns (listed ids to kick, ended, listed for the first time).
    ///
    /// An answer that was overtaken by a later one still shows who is there, but not who is not.
    pub(super) fn observe(
        &mut self,
        asked_at: DateTime<Utc>,
        listed: &[Listed<'_>],
    ) -> (Vec<Arc<str>>, Vec<Held>, Vec<Held>) {
        let overtaken = self.asked_at.is_some_and(|last| asked_at <= last);
        self.round += 1;
        let (mut kick, mut regained) = (Vec::new(), Vec::new());
        for entry in listed {
            if let Some((id, presence)) = self.ids.get_key_value(entry.id) {
                if presence.kick_pending {
                    kick.push(Arc::clone(id));
                }
            } else {
                let held = Held::from(*entry);
                self.admit(&held, None, asked_at);
                regained.push(held);
            }
            if let Some(presence) = self.ids.get_mut(entry.id) {
                presence.round = self.round;
                presence.missing = 0;
            }
        }
        if overtaken {
            return (kick, Vec::new(), regained);
        }
        self.asked_at = Some(asked_at);
        let round = self.round;
        let ended = self.end(|presence| {
            if presence.round != round && presence.since < asked_at {
                presence.missing += 1;
            }
            presence.missing >= ABSENCES
        });
        (kick, ended, regained)
    }

    /// The node could not be read since then: ends what was there for as long.
    pub(super) fn unreadable(&mut self, since: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Held> {
        self.end(|presence| presence.since.max(since) + UNREADABLE <= now)
    }

    /// Ends what was admitted before then and no answer was asked for since.
    pub(super) fn prune(&mut self, before: DateTime<Utc>) -> Vec<Held> {
        if self.asked_at.is_some_and(|at| at >= before) {
            return Vec::new();
        }
        self.end(|presence| presence.since < before)
    }

    /// Everything that may be open here.
    pub(super) fn holdings(&self, node: NodeNo) -> impl Iterator<Item = Holding> {
        self.ids.iter().map(move |(id, presence)| Holding {
            held: Held {
                user: presence.user,
                device: presence.device,
                id: Arc::clone(id),
            },
            node,
            addr: presence.addr,
            since: presence.since,
            kick_pending: presence.kick_pending,
        })
    }

    /// Devices that are online here.
    pub(super) fn devices(&self) -> usize {
        let online = self.ids.values().filter(|p| !p.kick_pending);
        online.map(|p| p.device).collect::<HashSet<_>>().len()
    }

    /// Ends everything.
    pub(super) fn drain(&mut self) -> Vec<Held> {
        self.end(|_| true)
    }

    fn end(&mut self, mut over: impl FnMut(&mut Presence) -> bool) -> Vec<Held> {
        self.ids
            .extract_if(|_, presence| over(presence))
            .map(|(id, presence)| Held {
                user: presence.user,
                device: presence.device,
                id,
            })
            .collect()
    }
}
