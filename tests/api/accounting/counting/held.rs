//! What is held instead, and how it ends.
use super::{
    super::world::{World, read},
    held, one_node, quarantined,
};
use crate::support::clock::TurnedClock;
use chrono::{TimeDelta, Utc};
use fake_node::{Ask, FakeNode};
use hywarden::clock::SystemClock;
use std::sync::Arc;

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
