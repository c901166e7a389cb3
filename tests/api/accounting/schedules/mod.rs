//! One fixed schedule for each piece without which bytes are lost or invented (design, 2B.3). `tests/mutants/` takes the
//! pieces out one by one and demands that these turn red.
mod clean_ups;
mod reports;

use super::world::{World, read};
use fake_node::Gate;
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

/// Waits until a question stands before the gate.
async fn arrival(gate: &Gate) {
    let gate = gate.clone();
    tokio::task::spawn_blocking(move || gate.wait_for_arrival())
        .await
        .unwrap();
}
