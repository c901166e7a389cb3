//! Reading, crediting, holding, cleaning up.
use super::world::{World, read};
use crate::support::clock::TurnedClock;
use chrono::{TimeDelta, Utc};
use fake_node::{Ask, FakeNode, Fault};
use hywarden::{
    clock::SystemClock,
    services::accounting::{End, Reader},
};
use std::sync::Arc;

async fn one_node() -> (World, FakeNode) {
    let world = World::new().await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    (world, node)
}

async fn tidy() -> (World, FakeNode) {
    let world = World::with(Arc::new(SystemClock), |s| {
        s.dead_ids = 0;
        s.low_rate = u64::MAX;
    })
    .await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    (world, node)
}

async fn held(world: &World, reason: &str) -> i64 {
    world
        .number(&format!(
            "SELECT count(*) FROM quarantine WHERE reason = '{reason}' AND resolved_at IS NULL"
        ))
        .await
}

fn quarantined(instance: &super::world::Instance) -> u64 {
    let metrics = instance.metrics.render().unwrap();
    let line = metrics
        .lines()
        .find_map(|l| l.strip_prefix("hywarden_quarantine_total{node=\"node1\"} "));
    line.map_or(0, |count| count.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_says_is_credited_to_whom_the_id_names() {
    let (world, node) = one_node().await;
    world.user(2, "").await;
    let instance = world.instance();
    let (a, b, again) = (world.id(1, 1), world.id(1, 2), world.id(1, 1));
    node.moves(&a, 83, 10_000_206);
    node.moves(&b, 5, 6);
    node.moves(&again, 1, 2);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    node.moves(&a, 1, 0);
    read(&mut reader).await;
    read(&mut reader).await;
    let totals = world
        .rows("SELECT user_no, device_no, node_no, tx, rx FROM usage_totals ORDER BY 1")
        .await;
    assert_eq!(
        totals,
        serde_json::json!([
            {"user_no": 1, "device_no": 1, "node_no": 1, "tx": 85, "rx": 10_000_208},
            {"user_no": 2, "device_no": 2, "node_no": 1, "tx": 5, "rx": 6},
        ])
    );
    let used = "SELECT used FROM users WHERE number = 1";
    assert_eq!(world.number(used).await, 10_000_293);
    let metrics = instance.metrics.render().unwrap();
    assert!(metrics.contains("hywarden_traffic_bytes_total{direction=\"tx\",node=\"node1\"} 90"));
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_our_own_clean_up_nothing_is_in_doubt() {
    let (world, node) = tidy().await;
    let instance = world.instance();
    let (id, gone) = (world.id(1, 1), world.id(1, 1));
    node.connect(&id);
    node.moves(&id, 10, 10);
    node.moves(&gone, 1, 1);
    let mut reader = instance.reader(&world, 1, &node).await;
    for _ in 0..3 {
        read(&mut reader).await;
    }
    assert_eq!(node.count(Ask::Clear), 1);
    assert!(node.all_counters().is_empty());
    node.moves(&id, 50, 50);
    read(&mut reader).await;
    assert_eq!(world.generation(1).await, 2);
    assert_eq!(world.credited(1).await, 122);
    assert_eq!(held(&world, "doubt").await, 0);
    assert!(
        std::fs::read_dir(instance.data.path().join("clean-up"))
            .unwrap()
            .next()
            .is_none()
    );
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_clean_up_costs_at_most_the_gap_and_is_counted() {
    let (world, node) = tidy().await;
    let instance = world.instance();
    let (id, gone) = (world.id(1, 1), world.id(1, 1));
    node.connect(&id);
    node.moves(&id, 10, 10);
    node.moves(&gone, 1, 1);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    read(&mut reader).await;
    node.fail_next(Ask::Clear, Fault::LostAfter);
    read(&mut reader).await;
    node.moves(&id, 3, 3);
    read(&mut reader).await;
    assert_eq!(world.generation(1).await, 2);
    assert_eq!(world.credited(1).await, 28, "nothing moved in the gap");
    let lost = "SELECT count(*) FROM events WHERE kind = 'node.clean_up_lost'";
    assert_eq!(world.number(lost).await, 1);
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_between_the_answer_and_its_merge_loses_nothing() {
    let (world, node) = tidy().await;
    let instance = world.instance();
    let (id, gone) = (world.id(1, 1), world.id(1, 1));
    node.connect(&id);
    node.moves(&id, 10, 10);
    node.moves(&gone, 1, 1);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    read(&mut reader).await;
    world
        .db
        .execute("ALTER TABLE node_readings ADD CONSTRAINT away CHECK (false) NOT VALID")
        .await;
    read(&mut reader).await;
    assert_eq!(node.count(Ask::Clear), 1);
    let data = instance.data.clone();
    drop((reader, instance));
    world
        .db
        .execute("ALTER TABLE node_readings DROP CONSTRAINT away")
        .await;
    // somebody else has read on meanwhile
    let other = world.instance();
    node.moves(&id, 4, 4);
    read(&mut other.reader(&world, 1, &node).await).await;
    assert_eq!(world.credited(1).await, 30);
    let again = world.instance_in(data);
    assert_eq!(again.accounting.recover_clean_ups().await.unwrap(), 1);
    assert_eq!(again.accounting.recover_clean_ups().await.unwrap(), 0);
    assert_eq!(world.credited(1).await, 30);
    again.accounting.cross(None).await.unwrap();
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_nobody_and_of_no_shape_are_held_and_cost_the_rest_nothing() {
    let (world, node) = one_node().await;
    let instance = world.instance();
    let (good, huge, broken) = (world.id(1, 1), world.id(1, 1), world.id(1, 1));
    node.moves(&good, 5, 5);
    node.set(&huge, 9_223_372_036_854_775_807, 1);
    node.set_raw(&broken, r#"{"tx": "many"}"#);
    node.moves("forged\u{0}", 7, 7);
    node.moves(&world.id(2, 1), 7, 7);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    node.moves(&good, 1, 0);
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 11);
    assert_eq!(world.generation(1).await, 1);
    assert_eq!(
        (held(&world, "mac").await, held(&world, "shape").await),
        (2, 2)
    );
    assert!(
        instance
            .metrics
            .render()
            .unwrap()
            .contains("hywarden_quarantine_total{node=\"node1\"} 4")
    );
    // the next holder knows that they were there
    let mut next = world.instance().reader(&world, 1, &node).await;
    read(&mut next).await;
    assert_eq!(world.generation(1).await, 1);
    let number = world
        .number("SELECT min(number) FROM quarantine WHERE reason = 'mac'")
        .await;
    let refused = instance
        .accounting
        .credit_in(&mut world.db.connect().await, number)
        .await;
    assert!(refused.is_err(), "nobody can be credited");
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_the_cap_is_only_counted() {
    let world = World::with(Arc::new(SystemClock), |s| s.quarantine_ids = 3).await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    for n in 0..5 {
        node.moves(&format!("forged{n}"), 1, 1);
    }
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    node.moves("forged0", 1, 1);
    read(&mut reader).await;
    assert_eq!(held(&world, "mac").await, 3);
    // the three that are held, the one of them that moved, the two beyond
    assert_eq!(quarantined(&instance), 6);
    for _ in 0..3 {
        read(&mut reader).await;
    }
    assert_eq!(quarantined(&instance), 6, "not once a read");
    node.moves("forged7", 1, 1);
    read(&mut reader).await;
    assert_eq!(quarantined(&instance), 7);
    // the next holder remembers no more than the first, and forgets none
    let next = world.instance();
    let mut reader = next.reader(&world, 1, &node).await;
    read(&mut reader).await;
    read(&mut reader).await;
    assert_eq!(
        quarantined(&next),
        3,
        "those beyond, which it has not seen yet"
    );
    assert_eq!(held(&world, "mac").await, 3);
    assert_eq!(world.generation(1).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_over_the_cap_are_dead_weight_and_are_cleaned_up() {
    let world = World::with(Arc::new(SystemClock), |s| {
        s.quarantine_ids = 3;
        s.dead_ids = 4;
        s.low_rate = u64::MAX;
    })
    .await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    let good = world.id(1, 1);
    node.connect(&good);
    node.moves(&good, 1, 2);
    for n in 0..5 {
        node.moves(&format!("forged{n}"), 1, 1);
    }
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    read(&mut reader).await;
    assert_eq!(node.count(Ask::Clear), 0, "two reads must agree");
    read(&mut reader).await;
    assert_eq!(node.count(Ask::Clear), 1, "three are held, two are counted");
    assert_eq!(quarantined(&instance), 5);
    node.moves(&good, 3, 4);
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 10);
    assert_eq!(world.generation(1).await, 2);
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_the_database_refuses_is_held_and_the_rest_is_credited() {
    let (world, node) = one_node().await;
    let instance = world.instance();
    let ids: Vec<String> = (0..9).map(|_| world.id(1, 1)).collect();
    for id in &ids {
        node.moves(id, 1, 0);
    }
    world
        .db
        .execute(&format!(
            "ALTER TABLE connections ADD CONSTRAINT poison CHECK (id <> '{}')",
            ids[4]
        ))
        .await;
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 8);
    assert_eq!(held(&world, "poison").await, 1);
    node.moves(&ids[3], 5, 0);
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 13);
    // once the reason is gone an admin credits it, once
    world
        .db
        .execute("ALTER TABLE connections DROP CONSTRAINT poison")
        .await;
    let number = world.number("SELECT number FROM quarantine").await;
    let mut conn = world.db.connect().await;
    instance
        .accounting
        .credit_in(&mut conn, number)
        .await
        .unwrap();
    assert!(
        instance
            .accounting
            .credit_in(&mut conn, number)
            .await
            .is_err()
    );
    instance.accounting.cross(None).await.unwrap();
    assert_eq!(world.credited(1).await, 14);
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_line_carries_is_held_until_time_has_passed() {
    let clock = Arc::new(TurnedClock::at(Utc::now()));
    let world = World::with(clock.clone(), |_| {}).await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    world.db.execute("UPDATE nodes SET line_rate = 1000").await;
    let instance = world.instance();
    let id = world.id(1, 1);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    clock.turn(TimeDelta::seconds(10));
    node.moves(&id, 12_500, 0);
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 12_500);
    clock.turn(TimeDelta::seconds(1));
    node.moves(&id, 0, 2_000);
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 12_500);
    assert_eq!(held(&world, "implausible").await, 1);
    // a new holder goes on where this one was
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    assert_eq!(held(&world, "implausible").await, 1);
    read(&mut reader).await;
    assert_eq!(quarantined(&instance), 1, "held again, counted once");
    assert_eq!(world.generation(1).await, 1);
    clock.turn(TimeDelta::seconds(1));
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 14_500);
    assert_eq!(held(&world, "implausible").await, 0, "it healed itself");
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_doubt_is_credited_by_the_table_and_never_twice() {
    let (world, node) = one_node().await;
    let instance = world.instance();
    let (id, other) = (world.id(1, 1), world.id(1, 1));
    node.moves(&id, 10, 10);
    node.moves(&other, 99, 99);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    node.cleared_by_another();
    node.moves(&id, 30, 30);
    read(&mut reader).await;
    assert_eq!(
        world.credited(1).await,
        198 + 60,
        "20 + 40: only what is above"
    );
    let number = world
        .number("SELECT number FROM quarantine WHERE reason = 'doubt'")
        .await;
    let mut conn = world.db.connect().await;
    instance
        .accounting
        .credit_in(&mut conn, number)
        .await
        .unwrap();
    assert_eq!(world.credited(1).await, 198 + 80);
    assert!(
        instance
            .accounting
            .drop_in(&mut conn, number)
            .await
            .is_err()
    );
    instance.accounting.cross(None).await.unwrap();
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_on_one_server_are_told_and_its_map_is_left_alone() {
    let (world, node) = tidy().await;
    world.node(2, &node).await;
    let instance = world.instance();
    node.moves(&world.id(1, 1), 1, 1);
    node.moves(&world.id(2, 1), 2, 2);
    let mut reader = instance.reader(&world, 1, &node).await;
    for _ in 0..4 {
        read(&mut reader).await;
    }
    assert_eq!(node.count(Ask::Clear), 0);
    assert_eq!(world.credited(1).await, 2);
    let alarms = "SELECT count(*) FROM events WHERE kind = 'node.two_nodes_one_server' AND severity = 'alarm'";
    assert_eq!(world.number(alarms).await, 1);
    assert_eq!(
        world
            .number("SELECT shared_with FROM node_readings WHERE node_no = 1")
            .await,
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_that_cannot_be_read_are_told_after_a_minute_and_when_they_are_back() {
    let clock = Arc::new(TurnedClock::at(Utc::now()));
    let world = World::with(clock.clone(), |_| {}).await;
    let node = FakeNode::start("s");
    world.node(1, &node).await;
    let instance = world.instance();
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    let told = |kind: &str| format!("SELECT count(*) FROM events WHERE kind = '{kind}'");
    let fails = async |reader: &mut Reader, after: i64| {
        clock.turn(TimeDelta::seconds(after));
        read(reader).await;
        world.number(&told("node.stats_unreadable")).await
    };
    node.fail_always(Ask::Traffic, Fault::HalfJson);
    assert_eq!(fails(&mut reader, 1).await, 0);
    let since = world.directory.nodes()[0].stats_unreadable_since();
    assert!(since.is_some());
    node.fail_always(Ask::Traffic, Fault::Status(401));
    assert_eq!(fails(&mut reader, 59).await, 0);
    assert_eq!(fails(&mut reader, 1).await, 1);
    assert_eq!(fails(&mut reader, 9).await, 1);
    let error = world.rows("SELECT error FROM node_readings").await;
    assert!(error[0]["error"].as_str().unwrap().contains("401"));
    assert!(
        instance
            .metrics
            .render()
            .unwrap()
            .contains("hywarden_node_up{node=\"node1\"} 0")
    );
    node.heal();
    read(&mut reader).await;
    assert_eq!(world.number(&told("node.stats_readable")).await, 1);
    assert_eq!(world.directory.nodes()[0].stats_unreadable_since(), None);
    assert_eq!(
        world
            .rows("SELECT error, failing_since FROM node_readings")
            .await,
        serde_json::json!([{"error": null, "failing_since": null}])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_node_is_emptied_read_and_gone() {
    let (world, node) = one_node().await;
    let instance = world.instance();
    let id = world.id(1, 1);
    node.connect(&id);
    node.moves(&id, 1, 1);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    world
        .db
        .execute("UPDATE nodes SET draining_at = now(), version = 2; INSERT INTO changes (kind, entity) VALUES ('node', 1)")
        .await;
    world.keeper.caught_up().await.unwrap();
    let source = instance.source(&world, reader.lease().node).await;
    let client = instance.client(&node);
    reader.change(source, client);
    let rule = "INSERT INTO node_overrides (user_no, node_no, allowed) VALUES (1, 1, true)";
    world.db.execute(rule).await;
    assert_eq!(read(&mut reader).await.end, None);
    assert_eq!(node.marked(), std::slice::from_ref(&id));
    node.moves(&id, 9, 9);
    let mut ended = None;
    for _ in 0..6 {
        ended = read(&mut reader).await.end;
        if ended.is_some() {
            break;
        }
    }
    assert_eq!(ended, Some(End::Drained));
    assert_eq!(
        world
            .number("SELECT count(*) FROM nodes WHERE deleted_at IS NOT NULL")
            .await,
        1
    );
    assert_eq!(
        world
            .number("SELECT count(*) FROM events WHERE kind = 'node.deleted'")
            .await,
        1
    );
    let left = "SELECT (SELECT count(*) FROM group_nodes) + (SELECT count(*) FROM node_overrides)";
    assert_eq!(world.number(left).await, 0, "no group holds it any more");
    let audited = "SELECT count(*) FROM audit WHERE action = 'node.delete' AND detail = '{\"abandoned\": false}'";
    assert_eq!(world.number(audited).await, 1);
    assert_eq!(
        world.credited(1).await,
        2,
        "the kicked chunk was not counted"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_no_answer_changes_nothing() {
    let (world, node) = one_node().await;
    let instance = world.instance();
    let id = world.id(1, 1);
    node.moves(&id, 10, 0);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    for fault in [
        Fault::HalfJson,
        Fault::BreaksOff,
        Fault::LostAfter,
        Fault::Garbage(b"[]".to_vec()),
        Fault::Status(500),
    ] {
        node.moves(&id, 1, 0);
        node.fail_next(Ask::Traffic, fault);
        read(&mut reader).await;
        assert_eq!(world.credited(1).await, 10);
    }
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 15);
    assert_eq!(world.generation(1).await, 1);
    let _ = world.clock.now();
}
