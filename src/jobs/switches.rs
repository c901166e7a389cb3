//! Puts what admins switched elsewhere into force here.
use crate::services::{rounds::Rounds, switches::Switchboard};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(500);

/// Runs until `stop`.
pub async fn run(switches: Switchboard, rounds: Rounds, stop: CancellationToken) {
    loop {
        let done = switches.refresh().await;
        rounds.note("switches", PERIOD, &done);
        if let Err(error) = done {
            tracing::debug!(%error, "switches were not read");
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
