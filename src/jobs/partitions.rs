//! Partitions ahead of time, daily sums of the hours, and months that are dropped.
use super::round::{note, tick};
use crate::services::{accounting::Accounting, rounds::Rounds};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_mins(10);

/// Looks after partitioned tables until `stop`.
pub async fn run(accounting: Arc<Accounting>, rounds: Rounds, stop: CancellationToken) {
    let mut tick = tick(EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let done = accounting.look_after_partitions().await;
        note(&accounting, &rounds, ("partitions", EVERY), &done);
    }
}
