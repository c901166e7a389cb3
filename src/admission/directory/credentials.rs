//! Keyed hash → device. 128 bits of the hash are the key, the other 128 are compared on a hit.
use super::hash::Numbers;
use crate::models::{DeviceNo, UserNo};
use chrono::{DateTime, Utc};
use subtle::ConstantTimeEq;

/// How long a removed or rotated secret answers `device_revoked`, in seconds: 30 days.
const REMEMBERED: i64 = 30 * 24 * 3600;

/// A credential as the database has it.
#[derive(Clone, Debug)]
pub struct CredentialRecord {
    pub device: DeviceNo,
    pub version: i32,
    pub hash: [u8; 32],
    pub revoked_at: Option<DateTime<Utc>>,
}

/// 44 bytes and the key: a million must fit beside everything else.
#[derive(Clone, Copy)]
pub struct Hit {
    rest: [u8; 16],
    pub user: UserNo,
    pub device: DeviceNo,
    pub version: i32,
    /// Unix seconds until which it is remembered as revoked; 0: live. Good until 2106.
    remembered_until: u32,
}

impl Hit {
    pub fn is_revoked(&self) -> bool {
        self.remembered_until != 0
    }
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.is_revoked() && i64::from(self.remembered_until) <= now.timestamp()
    }
}

#[derive(Default)]
pub struct Credentials {
    by_hash: papaya::HashMap<u128, Hit, Numbers>,
}

impl Credentials {
    pub fn put(&self, user: UserNo, record: &CredentialRecord) {
        let (key, rest) = halves(&record.hash);
        let until = record
            .revoked_at
            .map_or(0, |at| at.timestamp().saturating_add(REMEMBERED));
        let hit = Hit {
            rest,
            user,
            device: record.device,
            version: record.version,
            remembered_until: u32::try_from(until).unwrap_or(u32::MAX),
        };
        let map = self.by_hash.pin();
        // a secret that somebody else has by now is theirs: the past does not take it back
        let theirs = hit.is_revoked()
            && map.get(&key).is_some_and(|old| {
                !old.is_revoked() && (old.device, old.version) != (hit.device, hit.version)
            });
        if !theirs {
            map.insert(key, hit);
        }
    }

    pub fn find(&self, hash: &[u8; 32], now: DateTime<Utc>) -> Option<Hit> {
        let (key, rest) = halves(hash);
        let hit = *self.by_hash.pin().get(&key)?;
        (bool::from(hit.rest.ct_eq(&rest)) && !hit.is_over(now)).then_some(hit)
    }

    pub fn prune(&self, now: DateTime<Utc>) -> usize {
        let before = self.by_hash.len();
        self.by_hash.pin().retain(|_, hit| !hit.is_over(now));
        before.saturating_sub(self.by_hash.len())
    }

    pub fn len(&self) -> usize {
        self.by_hash.len()
    }
}

fn halves(hash: &[u8; 32]) -> (u128, [u8; 16]) {
    let (mut key, mut rest) = ([0; 16], [0; 16]);
    for (to, from) in key.iter_mut().chain(rest.iter_mut()).zip(hash) {
        *to = *from;
    }
    (u128::from_be_bytes(key), rest)
}
