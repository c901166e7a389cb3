//! What is due now and then: left-over sums, windows, what nobody needs any more.
use super::round::{note, tick};
use crate::services::{accounting::Accounting, rounds::Rounds};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Between two looks for windows whose boundary is past.
const WINDOWS: Duration = Duration::from_secs(1);
/// Between two sweeps of what is kept for a while.
const RETENTION: Duration = Duration::from_mins(1);

/// Between two counts of everybody: a scan of both tables.
const CENSUS: Duration = Duration::from_mins(1);

/// Sweeps until `stop`.
pub async fn run(
    accounting: Arc<Accounting>,
    every: Duration,
    rounds: Rounds,
    stop: CancellationToken,
) {
    let (mut sums, mut windows, mut retention) = (tick(every), tick(WINDOWS), tick(RETENTION));
    let mut census = tick(CENSUS);
    loop {
        let (job, every, done) = tokio::select! {
            () = stop.cancelled() => return,
            _ = sums.tick() => ("sums", every, accounting.cross(None).await.map(|_| ())),
            _ = windows.tick() => ("windows", WINDOWS, accounting.start_windows().await.map(|_| ())),
            _ = census.tick() => ("census", CENSUS, accounting.count_everybody().await),
            _ = retention.tick() => ("retention", RETENTION, accounting.forget().await.map(|_| ())),
        };
        note(&accounting, &rounds, (job, every), &done);
    }
}
