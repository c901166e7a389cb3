//! Delivers to webhooks what is due.
use crate::services::webhooks::Webhooks;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(500);

/// Runs until `stop`.
pub async fn run(webhooks: Webhooks, stop: CancellationToken) {
    loop {
        let round = async {
            match webhooks.run_once().await {
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "deliveries were not tried"),
            }
            tokio::time::sleep(PERIOD).await;
        };
        // an attempt that is cut off is made again: its claim ends by itself
        if stop.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}
