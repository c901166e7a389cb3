//! Delivers to webhooks what is due.
use crate::services::{rounds::Rounds, webhooks::Webhooks};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(500);

/// Runs until `stop`.
pub async fn run(webhooks: Webhooks, rounds: Rounds, stop: CancellationToken) {
    loop {
        let round = async {
            let done = webhooks.run_once().await;
            rounds.note("webhooks", PERIOD, &done);
            if let Err(error) = done {
                tracing::warn!(%error, "deliveries were not tried");
            }
            tokio::time::sleep(PERIOD).await;
        };
        // an attempt that is cut off is made again: its claim ends by itself
        if stop.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}
