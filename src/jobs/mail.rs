//! Carries mail.
use crate::services::logins::Mailer;
use tokio_util::sync::CancellationToken;

/// Runs until `stop`.
pub async fn run(mut mailer: Mailer, stop: CancellationToken) {
    while let Some(true) = stop.run_until_cancelled(mailer.run_once()).await {}
    stop.cancelled().await;
}
