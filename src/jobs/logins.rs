//! Looks after what logins leave behind.
use crate::services::{logins::Logins, refusals::Refusals, rounds::Rounds};
use chrono::TimeDelta;
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Between two looks at counts of refused attempts, whose minute may be over.
const PERIOD: Duration = Duration::from_secs(5);
/// Looks until old logins are removed: an hour.
const CLEAN_UP: u32 = 720;
/// How long ended logins are kept: a new place is one that is in none of them.
const KEPT: TimeDelta = TimeDelta::days(90);

/// Runs until `stop`.
pub async fn run(logins: Logins, refusals: Arc<Refusals>, rounds: Rounds, stop: CancellationToken) {
    let mut looks = 0_u32;
    while stop
        .run_until_cancelled(tokio::time::sleep(PERIOD))
        .await
        .is_some()
    {
        let done = refusals.close().await;
        rounds.note("refusals", PERIOD, &done);
        if let Err(error) = done {
            tracing::warn!(%error, "refused attempts were not counted");
        }
        if looks.is_multiple_of(CLEAN_UP)
            && let Err(error) = logins.clean_up(KEPT).await
        {
            tracing::warn!(%error, "old logins were not removed");
        }
        looks = looks.wrapping_add(1);
    }
    if let Err(error) = refusals.close_all().await {
        tracing::warn!(%error, "refused attempts were not counted");
    }
}
