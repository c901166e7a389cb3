//! The directory and the decision together: each code on its own, and their order.
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

#[test]
fn each_state_has_its_code() {
    let world = World::new();
    world.add(user(1), "good");
    world.add(
        UserEntry {
            suspended: true,
            ..user(2)
        },
        "suspended",
    );
    world.add(
        UserEntry {
            expires_ms: instant().timestamp_millis(),
            ..user(3)
        },
        "expired",
    );
    world.add(
        UserEntry {
            limited: true,
            has_quota: true,
            ..user(4)
        },
        "limited",
    );
    let mut blocked = user(5);
    blocked.devices[0].blocked = true;
    world.add(blocked, "blocked");
    world.add(
        UserEntry {
            groups: [GroupNo(9)].into(),
            ..user(6)
        },
        "elsewhere",
    );
    world.add(
        UserEntry {
            overrides: [(NodeNo(1), false)].into(),
            ..user(7)
        },
        "denied",
    );
    world.add(
        UserEntry {
            groups: [].into(),
            overrides: [(NodeNo(1), true)].into(),
            ..user(8)
        },
        "allowed",
    );
    world.add(
        UserEntry {
            start: Start::OnHold { valid_for: None },
            ..user(9)
        },
        "held",
    );
    for (auth, code) in [
        ("good", Code::Ok),
        ("nobody's", Code::UnknownCredential),
        ("", Code::UnknownCredential),
        ("suspended", Code::UserSuspended),
        ("expired", Code::UserExpired),
        ("limited", Code::QuotaExceeded),
        ("blocked", Code::DeviceBlocked),
        ("elsewhere", Code::NodeNotPermitted),
        ("denied", Code::NodeNotPermitted),
        ("allowed", Code::Ok),
        ("held", Code::OkOnHoldStarted),
        ("hy1_mistyped", Code::BadSecret),
        (&"x".repeat(1025), Code::Malformed),
    ] {
        assert_eq!(world.ask(auth), code, "{auth:.20}");
    }
    // the kicker judges connections by the same rules
    for (number, code) in [
        (1, None),
        (2, Some(Code::UserSuspended)),
        (3, Some(Code::UserExpired)),
        (4, Some(Code::QuotaExceeded)),
        (5, Some(Code::DeviceBlocked)),
        (6, Some(Code::NodeNotPermitted)),
        (8, None),
        (9, None),
        (99, Some(Code::UnknownCredential)),
    ] {
        assert_eq!(world.kicked(number, 1), code, "user {number}");
    }
    world.memory.maintenance.store(true, Relaxed);
    assert_eq!(world.ask("good"), Code::MaintenanceDeny);
    assert_eq!(world.kicked(1, 1), None, "maintenance keeps who is on");
}

#[test]
fn a_node_decides_for_itself() {
    let world = World::new();
    world.add(
        UserEntry {
            has_quota: true,
            ..user(1)
        },
        "good",
    );
    let mut strict = node(1, &[1]);
    strict.require_stats = Some(TimeDelta::minutes(10));
    world.directory.put_node(&strict);
    world
        .directory
        .set_stats_unreadable(NodeNo(1), Some(instant() - TimeDelta::minutes(9)));
    assert_eq!(world.ask("good"), Code::Ok);
    world
        .directory
        .set_stats_unreadable(NodeNo(1), Some(instant() - TimeDelta::minutes(10)));
    assert_eq!(world.ask("good"), Code::StatsUnreadable);
    world.directory.put_node(&strict);
    assert_eq!(
        world.ask("good"),
        Code::StatsUnreadable,
        "a change of the node does not make it readable"
    );
    world.directory.set_stats_unreadable(NodeNo(1), None);
    assert_eq!(world.ask("good"), Code::Ok);

    world.directory.put_node(&NodeEntry {
        state: NodeState::Disabled,
        ..node(1, &[1])
    });
    assert_eq!(
        (world.ask("good"), world.kicked(1, 1)),
        (Code::NodeDisabled, None)
    );
    world.directory.put_node(&NodeEntry {
        state: NodeState::Draining,
        ..node(1, &[1])
    });
    assert_eq!(
        (world.ask("good"), world.kicked(1, 1)),
        (Code::NodeDisabled, Some(Code::NodeDisabled))
    );
}

#[test]
fn rotation_and_removal_are_remembered_for_30_days() {
    let mut world = World::new();
    world.add(user(1), "first");
    let mut rotated = user(1);
    rotated.devices[0].credential_version = 2;
    let old = CredentialRecord {
        revoked_at: Some(instant()),
        ..world.record(10, 1, CredentialKind::Bare, "first")
    };
    let new = world.record(10, 2, CredentialKind::Bare, "second");
    world.directory.put_user(rotated, &[old, new.clone()]);
    assert_eq!(
        (world.ask("first"), world.ask("second")),
        (Code::DeviceRevoked, Code::Ok)
    );
    assert_eq!(
        (world.kicked(1, 1), world.kicked(1, 2)),
        (Some(Code::DeviceRevoked), None)
    );
    assert_eq!(
        world.kicked(1, 3),
        None,
        "a version that this replica does not know yet is not kicked"
    );

    let gone = UserEntry {
        devices: Box::default(),
        ..user(1)
    };
    let gone_record = CredentialRecord {
        revoked_at: Some(instant()),
        ..new
    };
    world.directory.put_user(gone, &[gone_record]);
    assert_eq!(
        (world.ask("second"), world.kicked(1, 2)),
        (Code::DeviceRevoked, Some(Code::DeviceRevoked))
    );

    // another device may take a revoked secret over; the past does not take it back
    world.add(user(2), "second");
    assert_eq!(world.ask("second"), Code::Ok);
    let past = CredentialRecord {
        revoked_at: Some(instant()),
        ..world.record(10, 2, CredentialKind::Bare, "second")
    };
    world.directory.put_user(
        UserEntry {
            devices: Box::default(),
            ..user(1)
        },
        &[past],
    );
    assert_eq!(world.ask("second"), Code::Ok);

    world.now = instant() + TimeDelta::days(30);
    assert_eq!(world.ask("first"), Code::UnknownCredential);
    assert_eq!(world.directory.prune(world.now), 1);
}

#[test]
fn over_the_guess_limit_the_known_still_get_in() {
    let world = World::new();
    let own = own_secret([4; 16]);
    world.add(user(1), own.expose_secret());
    world.add(user(2), "legacy");
    world.add(user(3), "stranger");
    world.memory.addresses.saw(
        DeviceNo(20),
        AddrKey::of("198.51.100.9".parse().unwrap()),
        world.now,
    );
    let office = Some("198.51.100.9");
    let mut codes = Vec::new();
    for n in 0..31 {
        codes.push(world.ask_from(&format!("guess {n}"), office));
    }
    assert!(codes[..30].iter().all(|c| *c == Code::UnknownCredential));
    assert_eq!(codes[30], Code::RateLimited);
    assert_eq!(world.ask_from(own.expose_secret(), office), Code::Ok);
    assert_eq!(
        world.ask_from("legacy", office),
        Code::Ok,
        "it was online from here"
    );
    assert_eq!(world.ask_from("stranger", office), Code::RateLimited);
    assert_eq!(world.ask_from("hy1_mistyped", office), Code::RateLimited);
    assert_eq!(
        world.ask_from("stranger", Some("203.0.113.1")),
        Code::Ok,
        "another address is not touched"
    );
    assert_eq!(
        world.ask_from("stranger", None),
        Code::Ok,
        "an unreadable address is decided normally"
    );
}

#[test]
fn a_held_user_is_active_at_once() {
    let mut world = World::new();
    let start = Start::OnHold {
        valid_for: Some(TimeDelta::days(1)),
    };
    world.add(UserEntry { start, ..user(1) }, "held");
    assert_eq!(world.ask("held"), Code::OkOnHoldStarted);
    world.directory.activate(UserNo(1), world.now);
    assert_eq!(world.ask("held"), Code::Ok);
    let end = world.now + TimeDelta::days(1);
    assert_eq!(world.directory.expiring(world.now, end), [UserNo(1)]);
    world.now = end;
    assert_eq!(world.ask("held"), Code::UserExpired);
}

#[test]
fn a_name_is_free_once_its_node_is_gone_and_counts_survive_changes() {
    let world = World::new();
    world.directory.node_named("n1").unwrap().count(Code::Ok);
    world.directory.put_node(&NodeEntry {
        name: "renamed".into(),
        ..node(1, &[1])
    });
    assert!(world.directory.node_named("n1").is_none());
    let counted = world.directory.node_named("renamed").unwrap();
    assert_eq!(
        counted.decisions().find(|(code, _)| *code == Code::Ok),
        Some((Code::Ok, 1))
    );
    world.directory.remove_node(NodeNo(1));
    assert!(world.directory.nodes().is_empty());
}

#[test]
fn a_hook_secret_and_the_one_before() {
    let mut rotated = node(1, &[]);
    rotated.old_secret = Some([2; 32]);
    let check = |node: &NodeEntry, hash| node.check_secret(&hash, instant());
    assert_eq!(check(&rotated, [1; 32]), SecretIs::Present);
    assert_eq!(
        check(&rotated, [2; 32]),
        SecretIs::Old,
        "until the new one was used"
    );
    assert_eq!(check(&rotated, [0; 32]), SecretIs::Wrong);
    assert_eq!(
        check(&node(1, &[]), [0; 32]),
        SecretIs::Wrong,
        "no old secret is not a secret of zeros"
    );
    rotated.secret_used_at = Some(instant() - TimeDelta::minutes(10));
    assert_eq!(check(&rotated, [2; 32]), SecretIs::Old);
    rotated.secret_used_at = Some(instant() - TimeDelta::minutes(10) - TimeDelta::milliseconds(1));
    assert_eq!(check(&rotated, [2; 32]), SecretIs::Wrong);
}

#[test]
fn a_paid_node_takes_users_of_a_paid_plan() {
    let paid = NodeEntry {
        paid: true,
        ..node(1, &[1])
    };
    for (is_paying, code) in [(false, Some(Code::PlanRequired)), (true, None)] {
        let user = UserEntry {
            paid: is_paying,
            ..user(1)
        };
        assert_eq!(user.refused_by(&paid), code);
        let elsewhere = UserEntry {
            groups: Arc::default(),
            ..user
        };
        let no_right = Some(Code::NodeNotPermitted);
        assert_eq!(elsewhere.refused_by(&paid), no_right, "decided first");
    }
}
