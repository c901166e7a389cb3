//! Seals the audit as it is written.
use crate::services::audit::Audit;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two looks: within a second a row is sealed.
const PERIOD: Duration = Duration::from_millis(500);

/// Runs until `stop`.
pub async fn run(audit: Audit, stop: CancellationToken) {
    loop {
        let pause = match audit.seal_once().await {
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
