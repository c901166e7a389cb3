//! The directory and the decision together: each code on its own, and their order.
mod codes;
mod memory;

use super::{node::SecretIs, *};
use crate::{
    admission::{
        AddrKey, Ask, Memory, Refusal, Verdict, decide, guesses::Guesses, own_secret,
        recent::Addresses,
    },
    models::{CredentialKind, GroupNo, OnConflict},
};
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

struct World {
    directory: Directory,
    memory: Memory,
    now: DateTime<Utc>,
}

fn instant() -> DateTime<Utc> {
    DateTime::from_timestamp(1_900_000_000, 0).unwrap()
}

fn node(number: i64, groups: &[i64]) -> NodeEntry {
    let groups = groups.iter().map(|g| GroupNo(*g)).collect();
    NodeEntry {
        number: NodeNo(number),
        name: format!("n{number}").into(),
        state: NodeState::Open,
        paid: false,
        secret: [1; 32],
        old_secret: None,
        secret_used_at: None,
        groups,
        require_stats: None,
        counts: Arc::default(),
    }
}

fn user(number: i64) -> UserEntry {
    UserEntry {
        number: UserNo(number),
        suspended: false,
        limited: false,
        has_quota: false,
        paid: false,
        start: Start::Running,
        expires_ms: UserEntry::expiry(None),
        online_limit: None,
        groups: [GroupNo(1)].into(),
        overrides: Box::default(),
        devices: Box::new([DeviceEntry {
            number: DeviceNo(number * 10),
            credential_version: 1,
            max_connections: 1,
            on_conflict: OnConflict::Newest,
            blocked: false,
        }]),
        highest_device: DeviceNo(number * 10),
    }
}

impl World {
    fn new() -> Self {
        let world = Self {
            directory: Directory::default(),
            memory: Memory {
                keys: CredentialKeys::new(&[(1, [3; 32])]),
                guesses: Guesses::new(30, 5, 1),
                addresses: Addresses::default(),
                maintenance: AtomicBool::new(false),
            },
            now: instant(),
        };
        world.directory.put_node(&node(1, &[1]));
        world
    }
    fn record(
        &self,
        device: i64,
        version: i32,
        kind: CredentialKind,
        secret: &str,
    ) -> CredentialRecord {
        let (_, hash) = self.memory.keys.newest(kind, secret).unwrap();
        CredentialRecord {
            device: DeviceNo(device),
            version,
            hash,
            revoked_at: None,
        }
    }
    fn add(&self, user: UserEntry, secret: &str) {
        let record = self.record(user.number.0 * 10, 1, CredentialKind::Bare, secret);
        self.directory.put_user(user, &[record]);
    }
    fn ask(&self, auth: &str) -> Code {
        self.ask_from(auth, Some("192.0.2.1"))
    }
    fn ask_from(&self, auth: &str, addr: Option<&str>) -> Code {
        let node = self.directory.node(NodeNo(1)).unwrap();
        let addr = addr.map(|a| AddrKey::of(a.parse().unwrap()));
        match decide(
            &self.directory,
            &self.memory,
            Ask {
                node: &node,
                auth,
                addr,
            },
            self.now,
        ) {
            Verdict::Admit(a) if a.starts => Code::OkOnHoldStarted,
            Verdict::Admit(_) => Code::Ok,
            Verdict::Refuse(Refusal { code, .. }) => code,
        }
    }
    fn kicked(&self, user: i64, version: i32) -> Option<Code> {
        let id = ConnectionId {
            user: UserNo(user),
            device: DeviceNo(user * 10),
            credential_version: version,
            nonce: [0; 10],
        };
        self.directory.refused_now(&id, NodeNo(1), self.now)
    }
}
