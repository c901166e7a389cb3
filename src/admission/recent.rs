//! What admission remembers of late: the refusals that answer "why can't I connect?", and where devices were online.
//!
//! Unknown credentials have a ring of their own, so that a flood of them pushes out nobody's reason.
use super::{addr::AddrKey, decision::Code, directory::Numbers};
use crate::models::{DeviceNo, NodeNo, UserNo};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Refusals kept of each known user.
const EACH_USER: usize = 8;
/// Refusals of unknown credentials kept.
const UNKNOWN: usize = 4096;

/// One refused login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub at: DateTime<Utc>,
    pub code: Code,
    pub node: NodeNo,
    pub device: Option<DeviceNo>,
    pub addr: Option<IpAddr>,
    /// Of an unknown credential: the first 32 bits of its keyed hash, enough to tell two apart and no more.
    pub prefix: Option<u32>,
}

/// Users' rings are spread over these locks, so that a flood of refusals does not queue at one.
const SHARDS: usize = 16;

type Rings = HashMap<UserNo, VecDeque<Refused>, Numbers>;

/// Both kinds of rings.
#[derive(Default)]
pub struct Recent {
    users: [Mutex<Rings>; SHARDS],
    /// Used when a number finds no shard, which the remainder makes impossible.
    spare: Mutex<Rings>,
    unknown: Mutex<VecDeque<Refused>>,
}

impl Recent {
    /// Remembers a refusal; the oldest of its ring gives way.
    pub fn push(&self, user: Option<UserNo>, refused: Refused) {
        match user {
            Some(user) => push(
                self.shard(user).entry(user).or_default(),
                EACH_USER,
                refused,
            ),
            None => push(&mut held(&self.unknown), UNKNOWN, refused),
        }
    }

    /// A user's last refusals, newest first.
    pub fn of_user(&self, user: UserNo) -> Vec<Refused> {
        self.shard(user)
            .get(&user)
            .map(|ring| ring.iter().rev().copied().collect())
            .unwrap_or_default()
    }

    /// The last refusals of unknown credentials, newest first.
    pub fn unknown(&self, limit: usize) -> Vec<Refused> {
        held(&self.unknown)
            .iter()
            .rev()
            .take(limit)
            .copied()
            .collect()
    }

    /// Forgets a user that is erased, with the addresses it came from.
    pub fn forget(&self, user: UserNo) {
        self.shard(user).remove(&user);
    }

    /// Forgets what is older than `since`.
    pub fn prune(&self, since: DateTime<Utc>) {
        for rings in &self.users {
            held(rings).retain(|_, ring| ring.back().is_some_and(|last| last.at >= since));
        }
    }

    fn shard(&self, user: UserNo) -> MutexGuard<'_, Rings> {
        let shard = usize::try_from(user.0.unsigned_abs()).unwrap_or(0) % SHARDS;
        held(self.users.get(shard).unwrap_or(&self.spare))
    }
}

fn push(ring: &mut VecDeque<Refused>, limit: usize, refused: Refused) {
    if ring.len() >= limit {
        ring.pop_front();
    }
    // one refusal is the common case: a ring grows by doubling from one, not from four
    if ring.len() == ring.capacity() {
        ring.reserve_exact(ring.len().max(1));
    }
    ring.push_back(refused);
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where devices with legacy credentials were online in the last 24 h: over the guess limit they still get in from there.
/// Our own secrets need no such proof, so only legacy devices stand here: the last address of each.
#[derive(Default)]
pub struct Addresses {
    seen: papaya::HashMap<DeviceNo, (AddrKey, DateTime<Utc>)>,
}

impl Addresses {
    /// A device is online from here.
    pub fn saw(&self, device: DeviceNo, addr: AddrKey, at: DateTime<Utc>) {
        self.seen.pin().insert(device, (addr, at));
    }

    /// Whether it was, within a day.
    pub fn knows(&self, device: DeviceNo, addr: Option<AddrKey>, now: DateTime<Utc>) -> bool {
        let seen = self.seen.pin();
        seen.get(&device)
            .is_some_and(|(there, at)| Some(*there) == addr && now - *at <= TimeDelta::hours(24))
    }

    /// Forgets what is older than a day.
    pub fn prune(&self, now: DateTime<Utc>) {
        self.seen
            .pin()
            .retain(|_, (_, at)| now - *at <= TimeDelta::hours(24));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(second: i64, prefix: Option<u32>) -> Refused {
        Refused {
            at: DateTime::from_timestamp(second, 0).unwrap(),
            code: Code::UnknownCredential,
            node: NodeNo(1),
            device: None,
            addr: None,
            prefix,
        }
    }

    /// H11: strangers have a ring of their own.
    #[test]
    fn a_flood_of_strangers_displaces_nobodys_reason() {
        let recent = Recent::default();
        let (anna, bert) = (UserNo(7), UserNo(7 + 16));
        (0..20).for_each(|at| recent.push(Some(anna), refused(at, None)));
        recent.push(Some(bert), refused(5, None));
        (0..100_000).for_each(|n| recent.push(None, refused(30, Some(n))));
        let seconds = |user| -> Vec<i64> {
            let mine = recent.of_user(user);
            mine.iter().map(|r| r.at.timestamp()).collect()
        };
        assert_eq!(seconds(anna), (12..20).rev().collect::<Vec<_>>());
        assert_eq!(seconds(bert), [5]);
        let strangers = recent.unknown(usize::MAX);
        assert_eq!(strangers.len(), 4096);
        assert_eq!(strangers[0].prefix, Some(99_999));
        recent.prune(DateTime::from_timestamp(6, 0).unwrap());
        assert_eq!((seconds(anna).len(), seconds(bert).len()), (8, 0));
        recent.forget(anna);
        assert!(seconds(anna).is_empty());
    }
}
