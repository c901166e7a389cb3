//! Acts at the instant at which somebody's time ends.
use crate::{
    clock::Clock,
    services::{enforcement::ExpiryTimer, leases::Leases},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Runs the timer until `stop`.
pub async fn run(
    mut timer: ExpiryTimer,
    leases: Arc<Leases>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    loop {
        let wait = (timer.next() - clock.now())
            .to_std()
            .unwrap_or(Duration::ZERO);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait.max(Duration::from_millis(1))) => {}
        }
        timer.run_once(|user| leases.nodes_of(user));
    }
}
