//! All leases of this instance: users in shards, nodes beside them. Locks are taken user first, node second, and never
//! for longer than one user's or one answer's work.
use super::{
    Claim, Held, Holding, Listed, Observed, Online, Taken,
    presence::NodePresence,
    user::{Lease, UserLeases, Verdict},
};
use crate::{
    admission::directory::Numbers,
    models::{NodeNo, UserNo},
};
use chrono::{DateTime, Utc};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

const SHARDS: usize = 64;

type Users = HashMap<UserNo, UserLeases, Numbers>;

/// Who is online, in memory.
#[derive(Debug)]
pub struct Table {
    shards: Box<[Mutex<Users>]>,
    /// Used when a number finds no shard, which the remainder makes impossible.
    spare: Mutex<Users>,
    nodes: RwLock<HashMap<NodeNo, Arc<Mutex<NodePresence>>, Numbers>>,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            spare: Mutex::default(),
            nodes: RwLock::default(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Table {
    /// Decides a claim, and leases if the answer is yes. What it displaces waits for its kick from here on.
    pub fn take(&self, claim: &Claim, now: DateTime<Utc>) -> Taken {
        let mut users = self.shard(claim.user);
        let user = users.entry(claim.user).or_default();
        let displaced = match user.take(claim, now) {
            Verdict::Leased(displaced) => displaced,
            Verdict::DeviceLimit => return Taken::DeviceLimit,
            Verdict::DeviceConcurrency { braked_now } => {
                return Taken::DeviceConcurrency { braked_now };
            }
        };
        let held = Held::of(claim);
        lock(&self.node(claim.node)).admit(&held, claim.addr, now);
        let nodes = displaced.iter().map(|old| {
            lock(&self.node(old.node)).mark(&old.id);
            old.node
        });
        Taken::Leased {
            displaced: nodes.collect(),
        }
    }

    /// Leases what was decided elsewhere.
    pub fn hold(&self, claim: &Claim, since: DateTime<Utc>) {
        let mut users = self.shard(claim.user);
        let node = self.node(claim.node);
        let mut node = lock(&node);
        node.admit(&Held::of(claim), claim.addr, since);
        if node.kick_pending(&claim.id) == Some(false) {
            users.entry(claim.user).or_default().hold(Lease {
                device: claim.device,
                node: claim.node,
                addr: claim.addr,
                since,
                room: None,
                id: Arc::clone(&claim.id),
            });
        }
    }

    /// This connection will be kicked: it counts nowhere from here on, even if it is heard of only later. True if that is
    /// news.
    pub fn displace(&self, node: NodeNo, connection: Listed<'_>, now: DateTime<Utc>) -> bool {
        let mut users = self.shard(connection.user);
        if let Some(leases) = users.get_mut(&connection.user) {
            leases.end(connection.id);
        }
        let node = self.node(node);
        let mut node = lock(&node);
        if node.kick_pending(connection.id).is_none() {
            node.admit(&Held::from(connection), None, now);
        }
        node.mark(connection.id)
    }

    /// Whether this connection waits for its kick.
    pub fn kick_pending(&self, node: NodeNo, id: &str) -> bool {
        lock(&self.node(node)).kick_pending(id) == Some(true)
    }

    /// Applies a node's `/online` answer that was asked for at `asked_at`.
    pub fn observe(
        &self,
        node_no: NodeNo,
        asked_at: DateTime<Utc>,
        listed: &[Listed<'_>],
        now: DateTime<Utc>,
    ) -> Observed {
        let node = self.node(node_no);
        let (mut kick, ended, mut regained) = lock(&node).observe(asked_at, listed);
        self.end(&ended, now);
        regained.retain(|held| {
            let mut users = self.shard(held.user);
            let user = users.entry(held.user).or_default();
            let mut node = lock(&node);
            if user.has_lost_its_place(held.device, node_no) {
                node.mark(&held.id);
                kick.push(Arc::clone(&held.id));
                return false;
            }
            // Between the two locks it may have been marked.
            if node.kick_pending(&held.id) == Some(false) {
                user.hold(Lease {
                    device: held.device,
                    node: node_no,
                    addr: None,
                    since: asked_at,
                    room: None,
                    id: Arc::clone(&held.id),
                });
            }
            true
        });
        Observed {
            kick,
            ended,
            regained,
        }
    }

    /// The node could not be read since `since`: its leases end once that is 90 s ago. Returns those that ended.
    pub fn node_unreadable(
        &self,
        node: NodeNo,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Vec<Held> {
        let ended = lock(&self.node(node)).unreadable(since, now);
        self.end(&ended, now);
        ended
    }

    /// Forgets a node that is gone, with all its leases.
    pub fn forget_node(&self, node: NodeNo, now: DateTime<Utc>) -> Vec<Held> {
        let gone = (self.nodes.write())
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&node);
        let ended = gone.map_or_else(Vec::new, |node| lock(&node).drain());
        self.end(&ended, now);
        ended
    }

    /// The nodes on which this user is online, each once.
    pub fn nodes_of(&self, user: UserNo) -> Vec<NodeNo> {
        let users = self.shard(user);
        let leases = users.get(&user).map(|u| u.leases.iter());
        let mut nodes: Vec<NodeNo> = leases.into_iter().flatten().map(|l| l.node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// Everything that may be open on any node, those that wait for their kick included.
    pub fn holdings(&self) -> Vec<Holding> {
        let each = |(no, node): (NodeNo, Arc<Mutex<NodePresence>>)| {
            lock(&node).holdings(no).collect::<Vec<_>>()
        };
        self.all_nodes().into_iter().flat_map(each).collect()
    }

    /// Ends what was admitted before then on nodes that were not asked since: another instance reads them.
    pub fn prune(&self, before: DateTime<Utc>, now: DateTime<Utc>) {
        for (_, node) in self.all_nodes() {
            let ended = lock(&node).prune(before);
            self.end(&ended, now);
        }
    }

    /// Devices online on each node.
    pub fn devices_by_node(&self) -> Vec<(NodeNo, usize)> {
        let nodes = self.all_nodes().into_iter();
        nodes
            .map(|(no, node)| (no, lock(&node).devices()))
            .collect()
    }

    /// How many are online.
    pub fn online(&self) -> Online {
        let mut online = Online::default();
        for shard in &self.shards {
            for user in lock(shard).values().filter(|u| !u.leases.is_empty()) {
                online.users += 1;
                online.devices += user.devices();
                online.connections += user.leases.len();
            }
        }
        online
    }

    fn end(&self, ended: &[Held], now: DateTime<Utc>) {
        for held in ended {
            let mut users = self.shard(held.user);
            if let Some(user) = users.get_mut(&held.user) {
                user.end(&held.id);
                if user.is_idle(now) {
                    users.remove(&held.user);
                }
            }
        }
    }

    fn shard(&self, user: UserNo) -> MutexGuard<'_, Users> {
        let shard = usize::try_from(user.0.unsigned_abs()).unwrap_or(0) % SHARDS;
        lock(self.shards.get(shard).unwrap_or(&self.spare))
    }

    fn all_nodes(&self) -> Vec<(NodeNo, Arc<Mutex<NodePresence>>)> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        nodes.iter().map(|(no, n)| (*no, Arc::clone(n))).collect()
    }

    fn node(&self, node: NodeNo) -> Arc<Mutex<NodePresence>> {
        let nodes = self.nodes.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(node) = nodes.get(&node) {
            return Arc::clone(node);
        }
        drop(nodes);
        let mut nodes = self.nodes.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(nodes.entry(node).or_default())
    }
}
