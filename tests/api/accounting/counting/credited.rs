//! What is credited, and what a clean-up may cost.
use super::{super::world::read, held, one_node, tidy};
use fake_node::{Ask, Fault};

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
