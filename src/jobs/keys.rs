//! Follows the keys' file and moves what older keys hold.
use crate::services::{keys::Keys, rounds::Rounds};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const PERIOD: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub async fn run(keys: Keys, rounds: Rounds, stop: CancellationToken) {
    loop {
        let done = keys.run_once().await;
        rounds.note("keys", PERIOD, &done);
        match done {
            Ok(0) => {}
            Ok(moved) => tracing::info!(moved, "values are under the newest keys"),
            Err(error) => tracing::warn!(%error, "keys were not looked after"),
        }
        if stop
            .run_until_cancelled(tokio::time::sleep(PERIOD))
            .await
            .is_none()
        {
            return;
        }
    }
}
