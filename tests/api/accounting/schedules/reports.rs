//! Reads: repeated, late, of another generation or server; sums and kicks.
use super::{
    super::world::{World, read},
    PATIENCE, tidy_world, until_dead,
};
use fake_node::{Ask, FakeNode};
use hywarden::{
    repositories::usage::Counted,
    services::accounting::{Delivery, End, Merged, report::Report},
};
use std::time::Duration;

/// GREATEST: the same generation's reports in the wrong order, and one twice.
#[tokio::test(flavor = "multi_thread")]
async fn late_and_repeated_reports_change_nothing() {
    let world = World::new().await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    let lease = instance.lease(&world, 1).await;
    let id = world.id(1, 1);
    let deliver = async |generation: i64, known: i64, tx: i64, rx: i64| {
        let report = Report {
            counted: vec![Counted {
                id: id.as_str().into(),
                user: 1,
                device: 1,
                credential_version: 1,
                tx,
                rx,
            }],
            ..Report::default()
        };
        let delivery = Delivery {
            lease,
            known_generation: known,
            generation,
            doubtful: 0,
            began: world.clock.now(),
            entries: 1,
            cleaned: false,
            report: &report,
            may_alarm: true,
            suspects_poison: false,
        };
        instance.accounting.merge(&delivery).await.unwrap()
    };
    deliver(1, 1, 100, 70).await;
    assert_eq!(world.credited(1).await, 170);
    deliver(1, 1, 60, 80).await;
    deliver(1, 1, 60, 80).await;
    deliver(1, 1, 100, 70).await;
    assert_eq!(world.credited(1).await, 180);
    deliver(2, 1, 5, 5).await;
    assert_eq!(world.credited(1).await, 190);
    // the generation before, late: under a lease that has moved a clean-up's answer comes this way
    let late = Report {
        counted: vec![Counted {
            id: id.as_str().into(),
            user: 1,
            device: 1,
            credential_version: 1,
            tx: 90,
            rx: 85,
        }],
        ..Report::default()
    };
    for _ in 0..2 {
        let step = (1, 0, world.clock.now());
        let merged = instance
            .accounting
            .merge_late(lease.node, step, &late)
            .await
            .unwrap();
        assert!(matches!(merged, Merged::Credited(_)));
        assert_eq!(world.credited(1).await, 195);
    }
    instance.accounting.cross(None).await.unwrap();
    world.assert_conserved().await;
}

/// The fence: a holder that slept over two clean-ups of its successor reads once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_under_a_stale_epoch_changes_nothing() {
    let world = tidy_world().await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let (sleeper, successor) = (world.instance(), world.instance());
    let (id, gone) = (world.id(1, 1), world.id(1, 1));
    node.connect(&id);
    node.moves(&id, 100, 0);
    node.moves(&gone, 1, 0);
    let mut old = sleeper.reader(&world, 1, &node).await;
    read(&mut old).await;
    let mut new = successor.reader(&world, 1, &node).await;
    for moved in [10, 40] {
        until_dead(&mut new).await;
        read(&mut new).await;
        read(&mut new).await;
        node.moves(&id, moved, 0);
        let another = world.id(1, 1);
        node.moves(&another, 1, 0);
        read(&mut new).await;
    }
    assert_eq!(node.count(Ask::Clear), 2);
    assert_eq!(world.generation(1).await, 3);
    let before = world.credited(1).await;
    assert_eq!(before, 100 + 10 + 40 + 3);
    assert_eq!(read(&mut old).await.end, Some(End::LeaseLost));
    assert_eq!(world.generation(1).await, 3);
    assert_eq!(world.credited(1).await, before);
    node.moves(&id, 7, 0);
    read(&mut new).await;
    assert_eq!(world.credited(1).await, before + 7);
    world.assert_conserved().await;
}

/// The observation: somebody else empties the map.
#[tokio::test(flavor = "multi_thread")]
async fn a_lower_counter_is_a_new_generation() {
    let world = World::new().await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    let id = world.id(1, 1);
    node.moves(&id, 100, 50);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    node.cleared_by_another();
    node.moves(&id, 40, 10);
    read(&mut reader).await;
    assert_eq!(world.generation(1).await, 2);
    assert_eq!(world.credited(1).await, 200);
    // and a restart: all ids are new
    node.restart();
    node.moves(&world.id(1, 1), 3, 4);
    read(&mut reader).await;
    assert_eq!(world.generation(1).await, 3);
    assert_eq!(world.credited(1).await, 207);
    world.assert_conserved().await;
}

/// The doubt: one read comes from another server behind the same name.
#[tokio::test(flavor = "multi_thread")]
async fn a_read_from_another_server_invents_nothing() {
    let world = World::new().await;
    let (node, other) = (FakeNode::start("s"), FakeNode::start("s"));
    world.user(1, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    let id = world.id(1, 1);
    node.moves(&id, 100, 50);
    other.moves(&world.id(1, 1), 5, 0);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    for round in 1..=2 {
        node.becomes(&other);
        read(&mut reader).await;
        node.becomes_itself();
        node.moves(&id, 10, 0);
        read(&mut reader).await;
        assert_eq!(world.credited(1).await, 155 + 10 * round);
    }
    assert!(
        world
            .number("SELECT count(*) FROM quarantine WHERE reason = 'doubt'")
            .await
            > 0
    );
    let alarms = "SELECT count(*) FROM events WHERE kind = 'node.stats_not_one_server'";
    assert_eq!(world.number(alarms).await, 1, "when it repeats");
    world.assert_conserved().await;
}

/// Lock, then sum: the sum is taken while somebody else holds the user and another node's bytes arrive.
#[tokio::test(flavor = "multi_thread")]
async fn a_sum_is_never_older_than_its_lock() {
    let world = World::new().await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    let mut reader = instance.reader(&world, 1, &node).await;
    node.moves(&world.id(1, 1), 100, 0);
    // the crossing waits for the user, whom somebody else has
    let mut holder = world.db.connect().await;
    run(
        &mut holder,
        "BEGIN; SELECT FROM users WHERE number = 1 FOR NO KEY UPDATE",
    )
    .await;
    let waiting = tokio::spawn(async move { read(&mut reader).await });
    blocked(&world).await;
    // meanwhile another node's merge commits, and whoever holds the user has summed it and worked it off
    let merge = "INSERT INTO usage_totals VALUES (1, 1, 2, 50, 0);
        INSERT INTO usage_hourly VALUES (1, 1, 2, date_trunc('hour', now()), 50, 0)";
    world.db.execute(merge).await;
    run(
        &mut holder,
        "UPDATE users SET used_total = 150, used = 150 WHERE number = 1; COMMIT",
    )
    .await;
    waiting.await.unwrap();
    let total = "SELECT used_total FROM users WHERE number = 1";
    assert_eq!(world.number(total).await, 150);
    assert_eq!(world.number("SELECT count(*) FROM usage_touched").await, 0);
    world.assert_conserved().await;
}

async fn run(conn: &mut diesel_async::AsyncPgConnection, sql: &str) {
    use diesel_async::SimpleAsyncConnection;
    conn.batch_execute(sql).await.unwrap();
}

/// Waits until somebody waits for a lock.
async fn blocked(world: &World) {
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    let end = tokio::time::Instant::now() + PATIENCE;
    while world.number(waiting).await == 0 {
        assert!(tokio::time::Instant::now() < end, "nobody waits");
    }
}

/// Kicking by level: the login that slipped in beside the event is kicked too, and a kick that did not arrive again.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_listed_and_refused_is_kicked_again_and_again() {
    let world = World::new().await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.user(2, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    let (first, friend) = (world.id(1, 1), world.id(1, 2));
    node.connect(&first);
    node.connect(&friend);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    assert_eq!(node.marked(), Vec::<String>::new());
    world
        .db
        .execute("UPDATE users SET suspended_at = now() WHERE number = 1; INSERT INTO changes (kind, entity) VALUES ('user', 1)")
        .await;
    world.keeper.caught_up().await.unwrap();
    let outcome = reader.run_once().await;
    assert!(outcome.next <= Duration::from_secs(1));
    assert_eq!(node.marked(), std::slice::from_ref(&first));
    // the mark is consumed without closing anything, as happens when a stream ends at that moment
    node.moves(&first, 1, 1);
    node.connect(&first);
    let slipped_in = world.id(1, 1);
    node.connect(&slipped_in);
    reader.run_once().await;
    let mut both = vec![first.clone(), slipped_in.clone()];
    both.sort();
    assert_eq!(node.marked(), both);
    node.moves(&first, 1, 1);
    node.moves(&slipped_in, 1, 1);
    assert_eq!(node.online().into_keys().collect::<Vec<_>>(), [friend]);
    let kicks = node.count(Ask::Kick);
    reader.run_once().await;
    reader.run_once().await;
    assert_eq!(node.count(Ask::Kick), kicks, "never an offline id");
    let gone = "SELECT count(*) FROM connections WHERE user_no = 1 AND kicked_at IS NOT NULL AND ended_at IS NOT NULL";
    assert_eq!(world.number(gone).await, 2);
}
