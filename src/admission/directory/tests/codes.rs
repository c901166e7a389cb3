//! Which code each state has.
use super::*;

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
