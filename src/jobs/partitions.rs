//! Partitions ahead of time, daily sums of the hours, and months that are dropped.
use crate::services::{accounting::Accounting, rounds::Rounds};
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_mins(10);

/// Looks after partitioned tables until `stop`.
pub async fn run(accounting: Arc<Accounting>, rounds: Rounds, stop: CancellationToken) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let done = accounting.look_after_partitions().await;
        rounds.note("partitions", EVERY, &done);
        if let Err(error) = done {
            accounting.job_failed("partitions", &error);
        }
    }
}
