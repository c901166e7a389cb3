//! One user's leases and the decision over them. A connection that waits for its kick is not here: it counts nowhere.
use super::{
    AddrKey, Claim,
    brake::{Brake, Strike},
};
use crate::models::{DeviceNo, NodeNo, OnConflict};
use chrono::{DateTime, Utc};
use smallvec::SmallVec;
use std::{collections::BTreeMap, sync::Arc};

/// One connection that counts.
#[derive(Clone, Debug)]
pub(super) struct Lease {
    pub(super) device: DeviceNo,
    pub(super) node: NodeNo,
    pub(super) addr: Option<AddrKey>,
    pub(super) since: DateTime<Utc>,
    /// How many of the device its node takes before the oldest gives way; `None`: not known here, or the newest does.
    pub(super) room: Option<u16>,
    pub(super) id: Arc<str>,
}

/// All that counts for one user, oldest first; what is equally old, by id.
#[derive(Debug, Default)]
pub(super) struct UserLeases {
    /// Most users have one connection: it stands in the table itself.
    pub(super) leases: SmallVec<[Lease; 1]>,
    brakes: BTreeMap<DeviceNo, Brake>,
}

/// What a claim comes to.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Leased; these were displaced.
    Leased(Vec<Lease>),
    DeviceLimit,
    DeviceConcurrency {
        braked_now: bool,
    },
}

/// Two addresses that are known to differ; an unknown one proves nothing.
fn differ(a: Option<AddrKey>, b: Option<AddrKey>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a != b)
}

impl UserLeases {
    /// Decides, and takes the lease if the answer is yes.
    pub(super) fn take(&mut self, claim: &Claim, now: DateTime<Utc>) -> Verdict {
        let known = self.leases.iter().any(|l| l.device == claim.device);
        let full = |limit| usize::try_from(limit).is_ok_and(|limit| self.devices() >= limit);
        if !known && claim.online_limit.is_some_and(full) {
            return Verdict::DeviceLimit;
        }
        let excess = (self.conflicts(claim).count() + 1)
            .saturating_sub(usize::from(claim.max_connections.max(1)));
        let mut displaced = Vec::new();
        if excess > 0 {
            if claim.on_conflict == OnConflict::Refuse {
                return Verdict::DeviceConcurrency { braked_now: false };
            }
            let mut giving_way: Vec<&Lease> = self.conflicts(claim).collect();
            // A reconnect replaces its own ghost before anybody else's connection; the sort keeps oldest first.
            giving_way.sort_by_key(|l| l.addr != claim.addr);
            giving_way.truncate(excess);
            let between_addresses = giving_way.iter().any(|l| differ(l.addr, claim.addr));
            displaced = giving_way.into_iter().cloned().collect();
            if between_addresses {
                match self.brakes.entry(claim.device).or_default().strike(now) {
                    Strike::Free => {}
                    Strike::Braked => return Verdict::DeviceConcurrency { braked_now: true },
                    Strike::StillBraked => return Verdict::DeviceConcurrency { braked_now: false },
                }
            }
            self.leases
                .retain(|l| !displaced.iter().any(|d| Arc::ptr_eq(&d.id, &l.id)));
        }
        self.hold(Lease {
            device: claim.device,
            node: claim.node,
            addr: claim.addr,
            since: now,
            room: (claim.on_conflict == OnConflict::Newest).then_some(claim.max_connections.max(1)),
            id: Arc::clone(&claim.id),
        });
        Verdict::Leased(displaced)
    }

    /// Whether a connection that is only now heard of has lost its place to newer ones: it was admitted before a start.
    pub(super) fn has_lost_its_place(&self, device: DeviceNo, node: NodeNo) -> bool {
        let newer = (self.leases.iter()).filter(|l| l.device == device && l.node == node);
        let rooms: Vec<usize> = newer.filter_map(|l| l.room.map(usize::from)).collect();
        rooms.iter().min().is_some_and(|room| rooms.len() >= *room)
    }

    /// Adds a lease without asking, once, at its place by age.
    pub(super) fn hold(&mut self, lease: Lease) {
        if self.leases.iter().all(|l| l.id != lease.id) {
            let place =
                (self.leases).partition_point(|l| (l.since, &l.id) <= (lease.since, &lease.id));
            self.leases.insert(place, lease);
        }
    }

    /// Takes a lease away, if it is there.
    pub(super) fn end(&mut self, id: &str) -> Option<Lease> {
        let place = self.leases.iter().position(|l| &*l.id == id)?;
        Some(self.leases.remove(place))
    }

    /// Whether nothing is left to remember.
    pub(super) fn is_idle(&self, now: DateTime<Utc>) -> bool {
        self.leases.is_empty() && self.brakes.values().all(|b| b.is_idle(now))
    }

    /// How many different devices are online.
    pub(super) fn devices(&self) -> usize {
        let mut devices: Vec<DeviceNo> = self.leases.iter().map(|l| l.device).collect();
        devices.sort_unstable();
        devices.dedup();
        devices.len()
    }

    /// The connections that share the claim's room: all on its node, and elsewhere those of another client address.
    fn conflicts(&self, claim: &Claim) -> impl Iterator<Item = &Lease> {
        let (device, node, addr) = (claim.device, claim.node, claim.addr);
        self.leases
            .iter()
            .filter(move |l| l.device == device && (l.node == node || differ(l.addr, addr)))
    }
}
