//! The keys that never lie in the database: what hashes credentials (pepper), proves connection ids, seals secrets that
//! must be shown again, chains the audit, and signs logins. Each purpose may hold several by number: the newest mints and
//! seals, all verify and open. Here are the file, the fingerprints and the sealing; what refers to which key is asked
//! above. The file may be read again while the program runs: whoever holds the keyring sees the new keys.
mod chain;
mod file;
mod seal;

pub use file::{added, removed};
pub use seal::{OwnKey, Place};

use crate::clock::{Clock, random};
use anyhow::{Result, bail};
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{cmp::Reverse, collections::BTreeMap, fmt, sync::Arc};

/// 256 bits.
pub type Key = [u8; 32];

/// Keys of connection ids that there may be at once: one letter of an id says which it is.
const LETTERS: i16 = 35;

/// The letter of a connection id's key, 1 to 35. After the last the first comes again, which nothing may hold by then.
pub fn letter(number: i16) -> u8 {
    u8::try_from((number - 1).rem_euclid(LETTERS) + 1).unwrap_or(0)
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Hashes credentials.
    Pepper,
    /// Proves connection ids.
    ConnectionId,
    /// Seals what must be shown again.
    Sealing,
    /// Chains the audit.
    Audit,
    /// Signs logins.
    Signing,
}

impl Purpose {
    /// All of them, in the file's order.
    pub const ALL: [Self; 5] = [
        Self::Pepper,
        Self::ConnectionId,
        Self::Sealing,
        Self::Audit,
        Self::Signing,
    ];

    /// Its name in the file and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::ConnectionId => "connection_id",
            Self::Sealing => "sealing",
            Self::Audit => "audit",
            Self::Signing => "signing",
        }
    }

    /// The purpose of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
    }
}

/// What proves that a key is the same as before, without telling it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// The key's purpose.
    pub purpose: Purpose,
    /// Its number within the purpose.
    pub key_id: i16,
    /// HMAC-SHA256(key, purpose).
    pub fingerprint: Key,
}

/// One key of the file.
#[derive(Clone, PartialEq, Eq)]
struct Entry {
    purpose: Purpose,
    id: i16,
    key: Key,
    /// Verifies and opens at once, mints from here on: the other instances have read it by then.
    from: Option<DateTime<Utc>>,
}

/// All keys of an installation.
pub struct Keyring {
    entries: ArcSwap<Vec<Entry>>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl Keyring {
    /// First keys, one a purpose, numbered 1.
    pub fn generate(clock: Arc<dyn Clock>) -> Self {
        let first = |purpose| Entry {
            purpose,
            id: 1,
            key: random(&*clock),
            from: None,
        };
        let entries = Purpose::ALL.into_iter().map(first).collect();
        Self {
            entries: ArcSwap::new(Arc::new(entries)),
            clock,
        }
    }

    /// What hashes credentials, the one that mints first.
    pub fn peppers(&self) -> Vec<(i16, Key)> {
        self.of(Purpose::Pepper)
    }

    /// What proves connection ids, by letter, the one that mints first.
    pub fn connection_id_keys(&self) -> Vec<(u8, Key)> {
        let keys = self.of(Purpose::ConnectionId).into_iter();
        keys.map(|(id, key)| (letter(id), key)).collect()
    }

    /// What signs logins (seeds of Ed25519), the one that mints first.
    pub fn signing_keys(&self) -> Vec<(i16, Key)> {
        self.of(Purpose::Signing)
    }

    /// The keys of a purpose: the one that mints, then the others, newest first.
    pub fn of(&self, purpose: Purpose) -> Vec<(i16, Key)> {
        let (entries, now) = (self.entries.load(), self.clock.now());
        let mut keys: Vec<_> = entries.iter().filter(|e| e.purpose == purpose).collect();
        keys.sort_by_key(|e| (e.from.is_some_and(|from| from > now), Reverse(e.id)));
        keys.into_iter().map(|e| (e.id, e.key)).collect()
    }

    /// The number of the key that mints.
    pub fn minting(&self, purpose: Purpose) -> Option<i16> {
        self.of(purpose).first().map(|(id, _)| *id)
    }

    /// The numbers of a purpose's keys, each with the time from which it mints if that is still to come.
    pub fn numbers(&self, purpose: Purpose) -> Vec<(i16, Option<DateTime<Utc>>)> {
        let (entries, now) = (self.entries.load(), self.clock.now());
        let of = entries.iter().filter(|e| e.purpose == purpose);
        of.map(|e| (e.id, e.from.filter(|from| *from > now)))
            .collect()
    }

    /// Takes the keys of another, read later. `true`: they differ.
    pub fn take(&self, other: &Self) -> bool {
        let theirs = other.entries.load_full();
        let differs = *self.entries.load_full() != *theirs;
        self.entries.store(theirs);
        differs
    }

    /// The purposes without a key.
    pub fn missing(&self) -> Vec<Purpose> {
        let entries = self.entries.load();
        let lacks = |purpose: &Purpose| !entries.iter().any(|e| e.purpose == *purpose);
        Purpose::ALL.into_iter().filter(lacks).collect()
    }

    /// The fingerprints of all keys.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        let of = |e: &Entry| Fingerprint {
            purpose: e.purpose,
            key_id: e.id,
            fingerprint: fingerprint(&e.key, e.purpose),
        };
        self.entries.load().iter().map(of).collect()
    }

    /// Keys by purpose and number.
    fn assemble(mut entries: Vec<Entry>, clock: Arc<dyn Clock>) -> Result<Self> {
        entries.sort_by_key(|e| (e.purpose, Reverse(e.id)));
        if let Some(e) = entries.iter().find(|e| e.id < 1) {
            bail!("[{}] {}: numbers begin at 1", e.purpose.as_str(), e.id)
        }
        lettered(&entries)?;
        strong(&entries)?;
        Ok(Self {
            entries: ArcSwap::new(Arc::new(entries)),
            clock,
        })
    }
}

/// Each key of connection ids has a letter of its own.
fn lettered(entries: &[Entry]) -> Result<()> {
    // the newest first
    let mut seen = BTreeMap::new();
    for e in entries
        .iter()
        .filter(|e| e.purpose == Purpose::ConnectionId)
    {
        if let Some(other) = seen.insert(letter(e.id), e.id) {
            bail!(
                "[connection_id] {other} and {} would have the same letter in connection ids: retire the older first",
                e.id
            )
        }
    }
    Ok(())
}

/// Keys are random and each is its own: a key that serves two purposes lets one purpose's flaw open the other (S3).
fn strong(entries: &[Entry]) -> Result<()> {
    for (at, one) in entries.iter().enumerate() {
        let name = one.purpose.as_str();
        if one.key.iter().all(|byte| Some(byte) == one.key.first()) {
            bail!("[{name}] {} is no random key", one.id)
        }
        if let Some(other) = entries.iter().skip(at + 1).find(|e| e.key == one.key) {
            let (their, id) = (other.purpose.as_str(), other.id);
            bail!("[{name}] {} and [{their}] {id} are the same key", one.id)
        }
    }
    Ok(())
}

/// What is remembered of a key, to know it again.
pub fn fingerprint(key: &Key, purpose: Purpose) -> Key {
    // HMAC takes keys of any length, so this cannot fail; the zeros would fail every comparison, closed.
    Hmac::<Sha256>::new_from_slice(key).map_or([0; 32], |mac| {
        mac.chain_update(purpose.as_str())
            .finalize()
            .into_bytes()
            .into()
    })
}

#[cfg(test)]
mod tests;
