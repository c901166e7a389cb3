//! All that admission needs, in memory: users with their devices, credentials by keyed hash, nodes.
//!
//! Users and nodes are immutable snapshots that are swapped whole, so a decision never sees half a change and takes no
//! lock. `services/directory` keeps it true; nobody else writes, but for a user on hold whose clock starts at admission.
mod credentials;
mod hash;
mod node;
mod user;

pub use credentials::CredentialRecord;
pub use node::{NodeCounts, NodeEntry, NodeState, SecretIs};
pub use user::{DeviceEntry, Start, UserEntry};

use super::{connection_id::ConnectionId, credential_key::CredentialKeys, decision::Code};
use crate::models::{DeviceNo, NodeNo, UserNo};
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use credentials::Credentials;
pub(super) use hash::{Ids, Numbers};
use std::{collections::HashMap, sync::Arc};

/// The replica. One an instance.
#[derive(Default)]
pub struct Directory {
    users: papaya::HashMap<UserNo, Arc<UserEntry>, Numbers>,
    credentials: Credentials,
    nodes: ArcSwap<Nodes>,
}

#[derive(Clone, Default)]
struct Nodes {
    by_name: HashMap<Box<str>, Arc<NodeEntry>>,
    by_number: HashMap<NodeNo, Arc<NodeEntry>>,
}

/// What a credential leads to.
pub enum Found {
    /// Nobody has it.
    Nobody,
    /// Somebody had it until lately.
    Revoked(UserNo, DeviceNo),
    /// This device of this user.
    Device(Arc<UserEntry>, DeviceEntry),
}

impl Directory {
    /// Takes a user's present state and all credentials of its devices, revoked ones included.
    pub fn put_user(&self, user: UserEntry, credentials: &[CredentialRecord]) {
        let number = user.number;
        for record in credentials {
            self.credentials.put(number, record);
        }
        self.users.pin().insert(number, Arc::new(user));
    }

    /// The user's present state.
    pub fn user(&self, number: UserNo) -> Option<Arc<UserEntry>> {
        self.users.pin().get(&number).cloned()
    }

    /// Starts the clock of a user on hold, until the committed row says the same.
    pub fn activate(&self, number: UserNo, at: DateTime<Utc>) {
        self.users
            .pin()
            .update(number, |user| Arc::new(user.activated(at)));
    }

    /// Users whose expiry lies in `(after, until]`: for the timer that acts at the instant.
    pub fn expiring(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Vec<UserNo> {
        let range = after.timestamp_millis() + 1..=until.timestamp_millis();
        let users = self.users.pin();
        users
            .iter()
            .filter(|(_, u)| range.contains(&u.expires_ms))
            .map(|(n, _)| *n)
            .collect()
    }

    /// Takes a node's present state; what it counted so far stays with it.
    pub fn put_node(&self, node: &NodeEntry) {
        self.nodes.rcu(|nodes| {
            let mut nodes = Nodes::clone(nodes);
            let mut node = node.clone();
            if let Some(old) = nodes.by_number.get(&node.number) {
                nodes.by_name.remove(&old.name);
                node.keep_counts(old);
            }
            let node = Arc::new(node);
            nodes.by_number.insert(node.number, node.clone());
            nodes.by_name.insert(node.name.clone(), node);
            nodes
        });
    }

    /// Forgets a deleted node.
    pub fn remove_node(&self, number: NodeNo) {
        self.nodes.rcu(|nodes| {
            let mut nodes = Nodes::clone(nodes);
            if let Some(old) = nodes.by_number.remove(&number) {
                nodes.by_name.remove(&old.name);
            }
            nodes
        });
    }

    /// A node by the name in its hook URL.
    pub fn node_named(&self, name: &str) -> Option<Arc<NodeEntry>> {
        self.nodes.load().by_name.get(name).cloned()
    }

    /// A node by its number.
    pub fn node(&self, number: NodeNo) -> Option<Arc<NodeEntry>> {
        self.nodes.load().by_number.get(&number).cloned()
    }

    /// Every node.
    pub fn nodes(&self) -> Vec<Arc<NodeEntry>> {
        self.nodes.load().by_number.values().cloned().collect()
    }

    /// Since when a node's stats cannot be read; `None`: they can.
    pub fn set_stats_unreadable(&self, number: NodeNo, since: Option<DateTime<Utc>>) {
        if let Some(node) = self.node(number) {
            node.set_stats_unreadable(since);
        }
    }

    /// Whom a credential belongs to.
    pub fn find(&self, keys: &CredentialKeys, auth: &str, now: DateTime<Utc>) -> Found {
        let Some(hit) = keys
            .candidates(auth)
            .find_map(|hash| self.credentials.find(&hash, now))
        else {
            return Found::Nobody;
        };
        let revoked = Found::Revoked(hit.user, hit.device);
        if hit.is_revoked() {
            return revoked;
        }
        let Some(user) = self.user(hit.user) else {
            return revoked;
        };
        match user.device(hit.device) {
            Some(device) if device.credential_version == hit.version => Found::Device(user, device),
            _ => revoked,
        }
    }

    /// Whether a listed connection would be refused now, were it to ask again: kicking is by level, not by event.
    ///
    /// A disabled node takes no logins but keeps its connections; a draining one keeps none. `UnknownCredential` means
    /// that this replica does not know the user or device: look again once it has caught up.
    pub fn refused_now(&self, id: &ConnectionId, node: NodeNo, now: DateTime<Utc>) -> Option<Code> {
        let Some(user) = self.user(id.user) else {
            return Some(Code::UnknownCredential);
        };
        let Some(device) = user.device(id.device) else {
            return Some(if user.has_had(id.device) {
                Code::DeviceRevoked
            } else {
                Code::UnknownCredential
            });
        };
        if device.credential_version > id.credential_version {
            return Some(Code::DeviceRevoked);
        }
        let Some(node) = self.node(node) else {
            return Some(Code::NodeUnknown);
        };
        if node.state == NodeState::Draining {
            return Some(Code::NodeDisabled);
        }
        user.refused(&device, now)
            .or_else(|| user.refused_by(&node))
    }

    /// Drops credentials whose 30 days are over. Gives how many.
    pub fn prune(&self, now: DateTime<Utc>) -> usize {
        self.credentials.prune(now)
    }

    /// Users, devices and credentials held.
    pub fn len(&self) -> (usize, usize, usize) {
        let users = self.users.pin();
        let devices = users.values().map(|u| u.devices.len()).sum();
        (users.len(), devices, self.credentials.len())
    }

    /// Nothing was loaded yet.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Every user, for reconciles and figures.
    pub fn user_numbers(&self) -> Vec<UserNo> {
        self.users.pin().keys().copied().collect()
    }

    /// Forgets a user whose row is gone.
    pub fn remove_user(&self, number: UserNo) {
        self.users.pin().remove(&number);
    }
}

#[cfg(test)]
mod tests;
