//! One fixed schedule for each piece without which bytes are lost or invented (design, 2B.3). `tests/mutants/` takes the
//! pieces out one by one and demands that these turn red.
use super::world::{World, read};
use fake_node::{Ask, FakeNode, Fault, Gate};
use hywarden::repositories::usage::Counted;
use hywarden::services::accounting::{Delivery, End, Merged, report::Report};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);

/// Settings under which a single dead id is reason enough for a clean-up.
async fn tidy_world() -> World {
    World::with(std::sync::Arc::new(hywarden::clock::SystemClock), |s| {
        s.dead_ids = 0;
        s.low_rate = u64::MAX;
        s.min_interval = Duration::from_millis(1);
    })
    .await
}

/// Reads until ids that are gone count as dead, one round short of the clean-up.
async fn until_dead(reader: &mut hywarden::services::accounting::Reader) {
    read(reader).await;
    read(reader).await;
}

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

/// `prev`: the answer of a clean-up arrives when its successor has read the next generation already.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_of_a_clean_up_counts_under_its_own_generation() {
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
    until_dead(&mut old).await;
    let gate = Gate::new();
    node.fail_next(Ask::Clear, Fault::Held(gate.clone()));
    let clearing = tokio::spawn(async move {
        read(&mut old).await;
        old
    });
    let arrived = gate.clone();
    tokio::task::spawn_blocking(move || arrived.wait_for_arrival())
        .await
        .unwrap();
    // emptied, and the answer is on its way: 101 so far; what moves now belongs to the next generation
    node.moves(&id, 20, 0);
    let mut new = successor.reader(&world, 1, &node).await;
    read(&mut new).await;
    assert_eq!(world.generation(1).await, 2);
    assert_eq!(world.credited(1).await, 121);
    gate.open();
    clearing.await.unwrap();
    assert_eq!(world.credited(1).await, 121, "it said nothing new");
    // the same, but bytes moved between the last read and the clean-up
    node.moves(&gone, 1, 0);
    let mut old = sleeper.reader(&world, 1, &node).await;
    until_dead(&mut old).await;
    let before = Gate::new();
    node.fail_next(Ask::Clear, Fault::HeldBefore(before.clone()));
    let clearing = tokio::spawn(async move {
        read(&mut old).await;
        old
    });
    let arrived = before.clone();
    tokio::task::spawn_blocking(move || arrived.wait_for_arrival())
        .await
        .unwrap();
    node.moves(&id, 30, 0);
    let moved_on = world.credited(1).await;
    let mut new = successor.reader(&world, 1, &node).await;
    // the successor has the generation's last values before the map is emptied under it
    read(&mut new).await;
    assert_eq!(world.credited(1).await, moved_on + 30);
    node.moves(&id, 5, 0);
    before.open();
    clearing.await.unwrap();
    node.moves(&id, 9, 0);
    // what it was reading meanwhile could have been older: it has to begin anew
    assert_eq!(read(&mut new).await.end, Some(End::LeaseLost));
    let mut new = successor.reader(&world, 1, &node).await;
    read(&mut new).await;
    sleeper.accounting.cross(None).await.unwrap();
    assert_eq!(world.credited(1).await, moved_on + 30 + 5 + 9);
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

/// The ack after the commit: the database refuses the only copy of a clean-up's answer, and a read, once.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_before_it_is_committed() {
    let world = tidy_world().await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    let (id, gone) = (world.id(1, 1), world.id(1, 1));
    node.connect(&id);
    node.moves(&id, 100, 0);
    node.moves(&gone, 1, 0);
    let mut reader = instance.reader(&world, 1, &node).await;
    until_dead(&mut reader).await;
    let gate = Gate::new();
    node.fail_next(Ask::Clear, Fault::HeldBefore(gate.clone()));
    let clearing = tokio::spawn(async move {
        read(&mut reader).await;
        reader
    });
    let arrived = gate.clone();
    tokio::task::spawn_blocking(move || arrived.wait_for_arrival())
        .await
        .unwrap();
    node.moves(&id, 11, 0);
    world.db.execute(REFUSE).await;
    gate.open();
    let mut reader = clearing.await.unwrap();
    assert_eq!(world.credited(1).await, 101);
    world.db.execute(ALLOW).await;
    node.moves(&id, 2, 0);
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 114);
    assert_eq!(node.count(Ask::Clear), 1, "no second one before");
    // a read that was not committed is read again
    world.db.execute(REFUSE).await;
    node.moves(&id, 3, 0);
    read(&mut reader).await;
    world.db.execute(ALLOW).await;
    read(&mut reader).await;
    assert_eq!(world.credited(1).await, 117);
    world.assert_conserved().await;
}

const REFUSE: &str = "ALTER TABLE node_readings ADD CONSTRAINT away CHECK (false) NOT VALID";
const ALLOW: &str = "ALTER TABLE node_readings DROP CONSTRAINT away";

/// Retention: the row of an id that ended one generation ago is still there for its clean-up's late answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_outlives_its_id_in_the_nodes_map() {
    let world = tidy_world().await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let (sleeper, successor) = (world.instance(), world.instance());
    let id = world.id(1, 1);
    node.moves(&id, 100, 0);
    let mut old = sleeper.reader(&world, 1, &node).await;
    until_dead(&mut old).await;
    let gate = Gate::new();
    node.fail_next(Ask::Clear, Fault::Held(gate.clone()));
    let clearing = tokio::spawn(async move {
        read(&mut old).await;
    });
    let arrived = gate.clone();
    tokio::task::spawn_blocking(move || arrived.wait_for_arrival())
        .await
        .unwrap();
    let mut new = successor.reader(&world, 1, &node).await;
    node.moves(&world.id(1, 1), 3, 0);
    read(&mut new).await;
    assert_eq!(world.generation(1).await, 2);
    successor.accounting.forget().await.unwrap();
    gate.open();
    clearing.await.unwrap();
    assert_eq!(world.credited(1).await, 103);
    // two generations later it goes
    node.restart();
    node.moves(&world.id(1, 1), 1, 0);
    let mut new = successor.reader(&world, 1, &node).await;
    read(&mut new).await;
    successor.accounting.forget().await.unwrap();
    let row = format!("SELECT count(*) FROM connections WHERE id = '{id}'");
    assert_eq!(world.number(&row).await, 0);
    assert_eq!(world.credited(1).await, 104);
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
