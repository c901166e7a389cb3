//! Seals the audit as it is written.
use crate::services::{audit::Audit, rounds::Rounds};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks: within a second a row is sealed.
const PERIOD: Duration = Duration::from_millis(500);

/// Runs until `stop`.
pub async fn run(audit: Audit, rounds: Rounds, stop: CancellationToken) {
    loop {
        let done = audit.seal_once().await;
        rounds.note("audit", PERIOD, &done);
        let pause = match done {
            Ok(0) => PERIOD,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                tracing::warn!(%error, "the audit was not sealed");
                PERIOD
            }
        };
        if stop
            .run_until_cancelled(tokio::time::sleep(pause))
            .await
            .is_none()
        {
            return;
        }
    }
}
