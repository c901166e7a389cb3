//! What outlives a change.
use super::*;

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
