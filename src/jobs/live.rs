//! What the live channel does each second, what it hears from other instances, and who is shown out.
use super::round::tick;
use crate::services::{
    live::{GaugesTold, Live, Words},
    logins::Revocations,
    rounds::Rounds,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// Between two states that are told.
const GAUGES: Duration = Duration::from_secs(1);
/// Between two looks at whether those who follow still may, when nothing was heard.
const CALLERS: Duration = Duration::from_millis(500);
/// Between two looks however much is heard.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two looks for events that no instance told.
const CATCH_UP: Duration = Duration::from_secs(1);
/// Before Redis is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// Runs until `stop`.
pub async fn run(live: Live, rounds: Rounds, stop: CancellationToken) {
    let mut gauges = tick(GAUGES);
    let mut catch_up = tick(CATCH_UP);
    let (mut told, mut place) = (GaugesTold::default(), None);
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => return live.hub.close(),
            _ = gauges.tick() => {
                let done = live.tell_gauges(&mut told).await;
                rounds.note("live", GAUGES, &done);
                done
            }
            _ = catch_up.tick(), if live.cache.is_some() => {
                live.catch_up(place.clone()).await.map(|next| place = Some(next))
            }
        };
        if let Err(error) = done {
            tracing::debug!(%error, "the live channel waits for the database");
        }
    }
}

/// Shows out whoever may no longer follow: as soon as anything about people or tokens changed anywhere, and now and then
/// in case that was not heard. Runs until `stop`.
pub async fn watch(live: Live, revocations: Arc<Revocations>, stop: CancellationToken) {
    let (mut bell, mut callers) = (revocations.subscribe(), tick(CALLERS));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = callers.tick() => {}
            heard = bell.recv() => if let Err(RecvError::Closed) = heard {
                return;
            },
        }
        // whatever else was said until now is answered by the same look
        bell = bell.resubscribe();
        if let Err(error) = live.look_at_callers().await {
            tracing::debug!(%error, "those who follow are looked at again later");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Tells the other instances, one batch after the other, until `stop`.
pub async fn speak(live: Live, mut words: Words, stop: CancellationToken) {
    let round = async {
        while let Some(news) = words.recv().await {
            live.say(&news).await;
        }
        // nobody is left who could say anything
        std::future::pending::<()>().await;
    };
    stop.run_until_cancelled(round).await;
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
