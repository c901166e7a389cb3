//! The MACs of the audit's chain.
use super::{Key, Keyring, Purpose};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

impl Keyring {
    /// HMAC-SHA256 under an audit key over these parts, each behind its length; none if the key is not here.
    pub fn audit_mac(&self, key_id: i16, parts: &[&[u8]]) -> Option<[u8; 32]> {
        let keys = self.of(Purpose::Audit);
        let (_, key) = keys.iter().find(|(id, _)| *id == key_id)?;
        mac(key, parts)
    }
}

fn mac(key: &Key, parts: &[&[u8]]) -> Option<[u8; 32]> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    for part in parts {
        mac.update(&u64::try_from(part.len()).ok()?.to_be_bytes());
        mac.update(part);
    }
    Some(mac.finalize().into_bytes().into())
}
