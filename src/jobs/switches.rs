//! Puts what admins switched elsewhere into force here.
use crate::services::switches::Switchboard;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(500);

/// Runs until `stop`.
pub async fn run(switches: Switchboard, stop: CancellationToken) {
    loop {
        if let Err(error) = switches.refresh().await {
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
