//! What is told of a node.
use super::{
    super::world::{World, read},
    one_node, tidy,
};
use crate::support::clock::TurnedClock;
use chrono::{TimeDelta, Utc};
use fake_node::{Ask, FakeNode, Fault};
use hywarden::services::accounting::{End, Reader};
use std::sync::Arc;

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
        .execute("UPDATE nodes SET draining_at = now(), removing = true, version = 2; INSERT INTO changes (kind, entity) VALUES ('node', 1)")
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
