//! Reading, crediting, holding, cleaning up.
mod credited;
mod held;
mod nodes;

use super::world::World;
use fake_node::FakeNode;
use hywarden::clock::SystemClock;
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
