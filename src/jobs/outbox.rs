//! Hands events out as they are committed.
use crate::services::{outbox::Outbox, rounds::Rounds};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks: what the live channel is behind by at most.
const PERIOD: Duration = Duration::from_millis(100);

/// Runs until `stop`.
pub async fn run(outbox: Outbox, rounds: Rounds, stop: CancellationToken) {
    loop {
        let done = outbox.run_once().await;
        rounds.note("outbox", PERIOD, &done);
        let behind = match done {
            Ok(handed_out) => Outbox::is_behind(handed_out),
            Err(error) => {
                tracing::warn!(%error, "events were not handed out");
                false
            }
        };
        let pause = if behind { Duration::ZERO } else { PERIOD };
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return;
        }
    }
}
