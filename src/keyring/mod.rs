//! The keys that never lie in the database: what hashes credentials (pepper), proves connection ids, seals secrets that
//! must be shown again, and chains the audit. Each purpose may hold several by number: the highest mints and seals, all
//! verify and open. Here are the file, the fingerprints and the sealing; what refers to which key is asked above.
mod file;
mod seal;

pub use seal::Place;

use crate::clock::{Clock, random};
use anyhow::{Result, bail};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{fmt, sync::Arc};

/// 256 bits.
pub type Key = [u8; 32];

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
}

impl Purpose {
    /// All of them, in the file's order.
    pub const ALL: [Self; 4] = [Self::Pepper, Self::ConnectionId, Self::Sealing, Self::Audit];

    /// Its name in the file and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::ConnectionId => "connection_id",
            Self::Sealing => "sealing",
            Self::Audit => "audit",
        }
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

/// All keys of an installation.
#[derive(Clone)]
pub struct Keyring {
    peppers: Vec<(i16, Key)>,
    connection_id: Vec<(u8, Key)>,
    sealing: Vec<(i16, Key)>,
    audit: Vec<(i16, Key)>,
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
        let fresh = || random::<32>(&*clock);
        Self {
            peppers: vec![(1, fresh())],
            connection_id: vec![(1, fresh())],
            sealing: vec![(1, fresh())],
            audit: vec![(1, fresh())],
            clock,
        }
    }

    /// What hashes credentials, newest first.
    pub fn peppers(&self) -> &[(i16, Key)] {
        &self.peppers
    }

    /// What proves connection ids, newest first; numbers are 1 to 35.
    pub fn connection_id_keys(&self) -> &[(u8, Key)] {
        &self.connection_id
    }

    /// What chains the audit, newest first.
    pub fn audit_keys(&self) -> &[(i16, Key)] {
        &self.audit
    }

    /// The fingerprints of all keys.
    pub fn fingerprints(&self) -> Vec<Fingerprint> {
        Purpose::ALL
            .into_iter()
            .flat_map(|purpose| {
                self.of(purpose)
                    .into_iter()
                    .map(move |(key_id, key)| Fingerprint {
                        purpose,
                        key_id,
                        fingerprint: fingerprint(&key, purpose),
                    })
            })
            .collect()
    }

    fn of(&self, purpose: Purpose) -> Vec<(i16, Key)> {
        match purpose {
            Purpose::Pepper => self.peppers.clone(),
            Purpose::ConnectionId => self
                .connection_id
                .iter()
                .map(|(id, key)| (i16::from(*id), *key))
                .collect(),
            Purpose::Sealing => self.sealing.clone(),
            Purpose::Audit => self.audit.clone(),
        }
    }

    /// Keys by purpose and number; each purpose needs one, numbers are 1 to 35.
    fn assemble(all: Vec<(Purpose, i16, Key)>, clock: Arc<dyn Clock>) -> Result<Self> {
        let mut sorted = all;
        sorted.sort_by_key(|(purpose, id, _)| (*purpose, std::cmp::Reverse(*id)));
        let of = |wanted: Purpose| -> Result<Vec<(i16, Key)>> {
            let keys: Vec<_> = sorted
                .iter()
                .filter(|(purpose, ..)| *purpose == wanted)
                .map(|(_, id, key)| (*id, *key))
                .collect();
            if keys.is_empty() {
                bail!("no key under [{}]", wanted.as_str())
            }
            if let Some((id, _)) = keys.iter().find(|(id, _)| !(1..=35).contains(id)) {
                bail!("[{}] {id}: numbers are 1 to 35", wanted.as_str())
            }
            Ok(keys)
        };
        let connection_id = of(Purpose::ConnectionId)?
            .into_iter()
            .map(|(id, key)| Ok((u8::try_from(id)?, key)))
            .collect::<Result<_>>()?;
        Ok(Self {
            peppers: of(Purpose::Pepper)?,
            connection_id,
            sealing: of(Purpose::Sealing)?,
            audit: of(Purpose::Audit)?,
            clock,
        })
    }
}

fn fingerprint(key: &Key, purpose: Purpose) -> Key {
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
