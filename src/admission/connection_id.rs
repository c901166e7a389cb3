//! The id that the hook answers: new at every admission, self-describing, and authentic.
//!
//! `<key version, user>.<device>.<credential version>.<nonce>.<MAC>`: numbers in base 36, 80 bits of nonce and 80 bits of
//! MAC in base 32. The MAC covers the node too, so an id proves where it was admitted. Hysteria keys traffic, online
//! state and kicks by it; because it is new each time its counters start at zero exactly once (design, 2B.1).
use super::base::{parse_base32, parse_base36, push_base32, push_base36};
use crate::models::{DeviceNo, NodeNo, UserNo};
use arc_swap::ArcSwap;
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Ids are never longer than this, for numbers below 36^10.
pub const MAX_LEN: usize = 64;

/// Whose connection it is. The node is not in the text: the MAC binds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// The account that is charged, whoever owns the device later.
    pub user: UserNo,
    /// The device.
    pub device: DeviceNo,
    /// The credential's version at the admission.
    pub credential_version: i32,
    /// What makes it this one connection.
    pub nonce: [u8; 10],
}

/// The keys of the MAC by version, the one that mints first.
pub struct IdKeys {
    keys: ArcSwap<Vec<(u8, [u8; 32])>>,
}

impl IdKeys {
    /// Keys by version (1 to 35), the newest first: it mints, all verify.
    pub fn new(keys: &[(u8, [u8; 32])]) -> Self {
        Self {
            keys: ArcSwap::from_pointee(keys.to_vec()),
        }
    }

    /// From now on these.
    pub fn replace(&self, keys: Vec<(u8, [u8; 32])>) {
        self.keys.store(Arc::new(keys));
    }

    /// The text of an id; `None` without a key.
    pub fn mint(&self, node: NodeNo, id: &ConnectionId) -> Option<String> {
        let keys = self.keys.load();
        let (version, key) = keys.first()?;
        let mut text = String::with_capacity(MAX_LEN);
        push_base36(&mut text, u64::from(*version));
        push_base36(&mut text, id.user.0.cast_unsigned());
        text.push('.');
        push_base36(&mut text, id.device.0.cast_unsigned());
        text.push('.');
        push_base36(&mut text, u64::from(id.credential_version.cast_unsigned()));
        text.push('.');
        push_base32(&mut text, &id.nonce);
        text.push('.');
        push_base32(&mut text, &mac(*version, key, node, id));
        Some(text)
    }

    /// Reads an id that this node reports; `None` if it is malformed, of an unknown key, of another node, or forged.
    pub fn parse(&self, node: NodeNo, text: &str) -> Option<ConnectionId> {
        let (version, rest) = text.split_at_checked(1)?;
        let version = u8::try_from(parse_base36(version)?).ok()?;
        let keys = self.keys.load();
        let (_, key) = keys.iter().find(|(known, _)| *known == version)?;
        let mut parts = rest.split('.');
        let id = ConnectionId {
            user: UserNo(parse_base36(parts.next()?)?),
            device: DeviceNo(parse_base36(parts.next()?)?),
            credential_version: i32::try_from(parse_base36(parts.next()?)?).ok()?,
            nonce: parse_base32(parts.next()?)?,
        };
        let told: [u8; 10] = parse_base32(parts.next()?)?;
        let right = mac(version, key, node, &id).ct_eq(&told);
        (parts.next().is_none() && bool::from(right)).then_some(id)
    }
}

fn mac(version: u8, key: &[u8; 32], node: NodeNo, id: &ConnectionId) -> [u8; 10] {
    let mut told = [0; 39];
    let parts: [&[u8]; 6] = [
        &[version],
        &node.0.to_be_bytes(),
        &id.user.0.to_be_bytes(),
        &id.device.0.to_be_bytes(),
        &id.credential_version.to_be_bytes(),
        &id.nonce,
    ];
    for (to, from) in told.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    // in one go: a hasher that is fed piece by piece is two kilobytes of state
    let hash = blake3::keyed_hash(key, &told);
    let mut mac = [0; 10];
    for (to, from) in mac.iter_mut().zip(hash.as_bytes()) {
        *to = *from;
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> IdKeys {
        IdKeys::new(&[(2, [7; 32]), (1, [9; 32])])
    }
    fn id(user: i64, device: i64, credential_version: i32, nonce: [u8; 10]) -> ConnectionId {
        ConnectionId {
            user: UserNo(user),
            device: DeviceNo(device),
            credential_version,
            nonce,
        }
    }

    proptest! {
        #[test]
        fn comes_back_on_its_node_only(
            user in 1..1_000_000_000_000_i64, device in 1..1_000_000_000_000_i64, version in 1..1000_i32,
            nonce: [u8; 10], node in 1..100_000_i64, at in 0..64_usize, flip in 1_u8..128,
        ) {
            let id = id(user, device, version, nonce);
            let text = keys().mint(NodeNo(node), &id).unwrap();
            prop_assert!(text.len() <= MAX_LEN, "{}", text);
            prop_assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.'));
            prop_assert_eq!(keys().parse(NodeNo(node), &text), Some(id));
            prop_assert_eq!(keys().parse(NodeNo(node + 1), &text), None);
            let mut forged = text.clone().into_bytes();
            let at = at % forged.len();
            forged[at] ^= flip;
            if let Ok(forged) = String::from_utf8(forged) {
                prop_assert_eq!(keys().parse(NodeNo(node), &forged), None, "{}", forged);
            }
        }
        #[test]
        fn garbage_is_no_id(text in ".{0,80}") {
            prop_assert_eq!(keys().parse(NodeNo(1), &text), None);
        }
    }

    #[test]
    fn an_older_key_still_verifies_and_a_lost_one_does_not() {
        let old = IdKeys::new(&[(1, [9; 32])]);
        let text = old.mint(NodeNo(3), &id(1, 2, 1, [5; 10])).unwrap();
        assert!(keys().parse(NodeNo(3), &text).is_some());
        assert!(
            IdKeys::new(&[(2, [7; 32])])
                .parse(NodeNo(3), &text)
                .is_none()
        );
        assert!(
            IdKeys::new(&[])
                .mint(NodeNo(3), &id(1, 2, 1, [5; 10]))
                .is_none()
        );
    }

    #[test]
    fn spelling_is_fixed() {
        // other programs of a fleet (agents, older versions) must read it: changing it is a new key version
        let text = keys()
            .mint(NodeNo(3), &id(35, 1_000_000, 1, [0; 10]))
            .unwrap();
        assert!(text.starts_with("2z.lfls.1.aaaaaaaaaaaaaaaa."), "{text}");
    }
}
