//! Delivers to webhooks what is due, and gives up what waits in vain.
use crate::services::{rounds::Rounds, webhooks::Webhooks};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks.
const PERIOD: Duration = Duration::from_millis(500);
/// In one look of so many, what has waited too long is given up.
const GIVE_UP: u64 = 20;

/// Runs until `stop`.
pub async fn run(webhooks: Webhooks, rounds: Rounds, stop: CancellationToken) {
    for round in 0_u64.. {
        let round = async {
            let done = webhooks.run_once().await;
            rounds.note("webhooks", PERIOD, &done);
            if let Err(error) = done {
                tracing::warn!(%error, "deliveries were not tried");
            }
            if round.is_multiple_of(GIVE_UP)
                && let Err(error) = webhooks.give_up().await
            {
                tracing::warn!(%error, "deliveries were not given up");
            }
            tokio::time::sleep(PERIOD).await;
        };
        // an attempt that is cut off is made again: its claim ends by itself
        if stop.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}
