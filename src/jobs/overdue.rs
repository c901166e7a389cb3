//! What is due of users: who expired is noted for the lists, whose grace is over is erased.
use super::round::{note, tick};
use crate::services::{accounting::Accounting, rounds::Rounds, users::Overdue};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const LAPSES: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_mins(1);

/// Looks until `stop`.
pub async fn run(
    overdue: Overdue,
    accounting: Arc<Accounting>,
    rounds: Rounds,
    stop: CancellationToken,
) {
    let (mut lapses, mut grace) = (tick(LAPSES), tick(GRACE));
    loop {
        let (job, every, done) = tokio::select! {
            () = stop.cancelled() => return,
            _ = lapses.tick() => ("lapses", LAPSES, overdue.lapse().await),
            _ = grace.tick() => ("grace", GRACE, overdue.erase().await),
        };
        note(&accounting, &rounds, (job, every), &done);
    }
}
