//! Deliveries, tried until they are taken: at least once, a user's in order, and no receiver waits for another.
use super::{
    Attempt, Webhooks,
    give_up::{tell, tell_given_up},
};
use crate::{
    clock::{Clock, random},
    error::Result,
    models::{Delivery, DeliveryState, Webhook, WebhookId},
    repositories::webhooks::{self, Outcome},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use futures_util::future::try_join_all;
use serde_json::json;

/// Pauses after each failed attempt; after the last there is none.
const PAUSES: [i64; 10] = [
    5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 64_800, 86_400,
];
/// A receiver that fails rests at most so long, so that its return is noticed.
const LONGEST_REST: i64 = 300;
/// Deliveries on their way to one receiver at once; to one that failed lately a single one, to see.
const AT_ONCE: i64 = 4;
/// Longer than what comes before and after an attempt takes.
const AROUND: TimeDelta = TimeDelta::seconds(10);

impl Webhooks {
    /// Starts to serve every receiver that has something due, none of which waits for another. Gives how many.
    pub async fn run_once(&self) -> Result<usize> {
        let now = self.store.clock.now();
        let mut conn = self.jobs_db.get().await?;
        let due = webhooks::list_due(&mut conn, now).await?;
        drop(conn);
        let mut started = 0;
        for webhook in due {
            let Some(place) = self.serving.place(webhook) else {
                continue;
            };
            started += 1;
            let this = self.clone();
            tokio::spawn(async move {
                let _place = place;
                if let Err(error) = this.serve(webhook).await {
                    tracing::warn!(%webhook, %error, "deliveries were not tried");
                }
            });
        }
        Ok(started)
    }

    /// Round after round, until one fails or nothing more is due.
    async fn serve(&self, id: WebhookId) -> Result<()> {
        while self.round(id).await? {}
        Ok(())
    }

    /// Tries at once what is due first; whether to go on. The receiver is read anew: it may have been moved or turned off.
    async fn round(&self, id: WebhookId) -> Result<bool> {
        let now = self.store.clock.now();
        let mut conn = self.jobs_db.get().await?;
        let Some(webhook) = webhooks::find_awake(&mut conn, id, now).await? else {
            return Ok(false);
        };
        let limit = if webhook.failures > 0 { 1 } else { AT_ONCE };
        let longest = TimeDelta::from_std(self.timeout).unwrap_or(TimeDelta::minutes(5));
        let due = webhooks::claim(&mut conn, id, now, now + longest + AROUND, limit).await?;
        drop(conn);
        if due.is_empty() {
            return Ok(false);
        }
        let calls = due.iter().map(async |delivery| {
            let attempt = self.attempt(&webhook, delivery).await?;
            Ok::<_, crate::error::Error>((delivery, attempt))
        });
        let done = try_join_all(calls).await?;
        self.note(&webhook, &done).await?;
        let all_taken = done.iter().all(|(_, attempt)| attempt.succeeded());
        Ok(all_taken && i64::try_from(done.len()).is_ok_and(|tried| tried == limit))
    }

    /// What a round says, once, of the receiver, and of each delivery.
    async fn note(&self, webhook: &Webhook, done: &[(&Delivery, Attempt)]) -> Result<()> {
        let now = self.store.clock.now();
        let taken = done.iter().any(|(_, attempt)| attempt.succeeded());
        let missed = done.iter().any(|(_, attempt)| !attempt.succeeded());
        let gone = done.iter().any(|(_, attempt)| attempt.status == Some(410));
        let (id, url) = (webhook.id, webhook.url.as_str());
        let mut conn = self.jobs_db.get().await?;
        conn.transaction(async |conn| {
            if gone {
                let reason = "the receiver answered 410 Gone";
                if webhooks::disable(conn, id, url, reason, now).await? > 0 {
                    tell(conn, "webhook.disabled", json!({ "webhook": id }), now).await?;
                }
            } else if missed {
                // one that took something has only begun to fail
                let before = if taken { 0 } else { webhook.failures };
                let until = self.rest_after(before, now);
                webhooks::rest(conn, id, url, before.saturating_add(1), until).await?;
            } else if webhook.failures > 0 {
                webhooks::awake(conn, id, url).await?;
            }
            let mut given_up = 0;
            for (delivery, attempt) in done {
                let outcome = self.outcome(delivery, attempt);
                if attempt.succeeded() {
                    webhooks::note(conn, delivery.id, &outcome).await?;
                    continue;
                }
                let noted = webhooks::note_missed(conn, delivery.id, &outcome).await?;
                if noted > 0 && outcome.state == DeliveryState::Failed {
                    given_up += 1;
                }
            }
            if given_up > 0 {
                tell_given_up(conn, id, given_up, now).await?;
            }
            Ok(())
        })
        .await
    }

    fn outcome(&self, delivery: &Delivery, attempt: &Attempt) -> Outcome {
        let attempts = delivery.attempts.saturating_add(1);
        let pause = usize::try_from(attempts - 1)
            .ok()
            .and_then(|n| PAUSES.get(n).copied());
        let state = match (attempt.succeeded(), pause) {
            (true, _) => DeliveryState::Delivered,
            (false, Some(_)) => DeliveryState::Waiting,
            (false, None) => DeliveryState::Failed,
        };
        let next = attempt.at + jittered(&*self.store.clock, pause.unwrap_or(0));
        Outcome {
            state,
            attempts,
            next_at: next,
            last_at: Some(attempt.at),
            last_status: attempt.status.map(i32::from),
            last_error: attempt.error.map(str::to_owned),
            last_ms: i32::try_from(attempt.took.as_millis()).ok(),
            done_at: (state != DeliveryState::Waiting).then_some(attempt.at),
        }
    }

    /// After so many failed rounds and this one.
    fn rest_after(&self, failures: i32, at: DateTime<Utc>) -> DateTime<Utc> {
        let doubled = 5_i64 << failures.clamp(0, 10);
        at + jittered(&*self.store.clock, doubled.min(LONGEST_REST))
    }
}

/// Between 80 and 120 percent of so many seconds: receivers that failed together do not come back together.
fn jittered(clock: &dyn Clock, seconds: i64) -> TimeDelta {
    let [byte] = random::<1>(clock);
    TimeDelta::milliseconds(seconds * (800 + i64::from(byte) * 400 / 255))
}
