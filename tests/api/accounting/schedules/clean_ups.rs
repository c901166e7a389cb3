//! Clean-ups whose answer comes late, or is not committed.
use super::{super::world::read, arrival, tidy_world, until_dead};
use fake_node::{Ask, FakeNode, Fault, Gate};
use hywarden::services::accounting::End;

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
    let (before, gate) = (Gate::new(), Gate::new());
    node.fail_next(Ask::Clear, Fault::HeldTwice(before.clone(), gate.clone()));
    let clearing = tokio::spawn(async move {
        read(&mut old).await;
        old
    });
    arrival(&before).await;
    // after the last read, before the map is emptied: only the late answer has it
    node.moves(&id, 7, 0);
    before.open();
    arrival(&gate).await;
    // emptied, and the answer is on its way: 101 so far; what moves now belongs to the next generation
    node.moves(&id, 20, 0);
    let mut new = successor.reader(&world, 1, &node).await;
    read(&mut new).await;
    assert_eq!(world.generation(1).await, 2);
    assert_eq!(world.credited(1).await, 121);
    gate.open();
    clearing.await.unwrap();
    assert_eq!(
        world.credited(1).await,
        128,
        "what it says above the last read, and no more"
    );
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
    arrival(&before).await;
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
    arrival(&gate).await;
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
    let (before, gate) = (Gate::new(), Gate::new());
    node.fail_next(Ask::Clear, Fault::HeldTwice(before.clone(), gate.clone()));
    let clearing = tokio::spawn(async move {
        read(&mut old).await;
    });
    arrival(&before).await;
    node.moves(&id, 7, 0);
    before.open();
    arrival(&gate).await;
    let mut new = successor.reader(&world, 1, &node).await;
    node.moves(&world.id(1, 1), 3, 0);
    read(&mut new).await;
    assert_eq!(world.generation(1).await, 2);
    successor.accounting.forget().await.unwrap();
    gate.open();
    clearing.await.unwrap();
    assert_eq!(world.credited(1).await, 110);
    // two generations later it goes
    node.restart();
    node.moves(&world.id(1, 1), 1, 0);
    let mut new = successor.reader(&world, 1, &node).await;
    read(&mut new).await;
    successor.accounting.forget().await.unwrap();
    let row = format!("SELECT count(*) FROM connections WHERE id = '{id}'");
    assert_eq!(world.number(&row).await, 0);
    assert_eq!(world.credited(1).await, 111);
}
