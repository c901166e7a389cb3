//! What the live channel does each second, and what it hears from other instances.
use crate::services::live::{GaugesTold, Live};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Between two looks at whether those who follow still may.
const CALLERS: Duration = Duration::from_millis(500);
/// Between two looks for events that no instance told.
const CATCH_UP: Duration = Duration::from_secs(1);
/// Before Redis is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// Runs until `stop`.
pub async fn run(live: Live, stop: CancellationToken) {
    let tick = |every| {
        let mut tick = interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tick
    };
    let (mut gauges, mut callers) = (tick(Duration::from_secs(1)), tick(CALLERS));
    let mut catch_up = tick(CATCH_UP);
    let (mut told, mut place) = (GaugesTold::default(), None);
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return live.hub.close(),
            _ = gauges.tick() => live.tell_gauges(&mut told).await,
            _ = callers.tick() => live.look_at_callers().await.map(drop),
            _ = catch_up.tick(), if live.cache.is_some() => {
                live.catch_up(place.clone()).await.map(|next| place = Some(next))
            }
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the live channel waits for the database");
        }
    }
}

/// Listens to the other instances until `stop`.
pub async fn listen(live: Live, stop: CancellationToken) {
    loop {
        let round = async {
            if let Err(error) = live.listen().await {
                tracing::debug!(%error, "other instances are not heard");
            }
            tokio::time::sleep(AGAIN).await;
        };
        if stop.run_until_cancelled(round).await.is_none() {
            return;
        }
    }
}
