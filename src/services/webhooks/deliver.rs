//! Deliveries, tried until they are taken: at least once, a user's in order, and no receiver waits for another.
use super::{Webhooks, guard::Refused, sign};
use crate::{
    clock::{Clock, random},
    error::{Error, Result},
    models::{Delivery, DeliveryState, Severity, Webhook},
    repositories::{
        events::{self, NewEvent},
        webhooks::{self, Outcome},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use futures_util::future::join_all;
use serde_json::json;
use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Pauses after each failed attempt; after the last there is none.
const PAUSES: [i64; 10] = [
    5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 64_800, 86_400,
];
/// A receiver that fails rests at most so long, so that its return is noticed.
const LONGEST_REST: i64 = 300;
/// Deliveries taken of one receiver at once; of one that failed lately a single one, to see.
const BATCH: i64 = 32;
/// Of those so many are on their way at once.
const AT_ONCE: usize = 4;
/// Receivers called at once.
const RECEIVERS: usize = 32;
/// Bytes of an answer that are read, to let the connection be used again. None of them is kept.
const ANSWER: usize = 64 << 10;

/// How one attempt went.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub at: DateTime<Utc>,
    pub status: Option<u16>,
    /// Why there was no answer, in a word of ours.
    pub error: Option<&'static str>,
    pub took: Duration,
}

impl Attempt {
    /// The receiver took it.
    pub fn succeeded(&self) -> bool {
        self.status
            .is_some_and(|status| (200..300).contains(&status))
    }
}

impl Webhooks {
    /// Starts to serve every receiver that has something due, none of which waits for another. Gives how many.
    pub async fn run_once(&self) -> Result<usize> {
        let now = self.store.clock.now();
        let mut conn = self.jobs_db.get().await?;
        let due = webhooks::list_due(&mut conn, now).await?;
        drop(conn);
        let mut started = 0;
        for webhook in due {
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            if busy.len() >= RECEIVERS || !busy.insert(webhook.id) {
                continue;
            }
            drop(busy);
            started += 1;
            let this = self.clone();
            tokio::spawn(async move {
                if let Err(error) = this.serve(&webhook).await {
                    tracing::warn!(webhook = %webhook.id, %error, "deliveries were not tried");
                }
                let mut busy = this.busy.lock().unwrap_or_else(PoisonError::into_inner);
                busy.remove(&webhook.id);
            });
        }
        Ok(started)
    }

    async fn serve(&self, webhook: &Webhook) -> Result<()> {
        let now = self.store.clock.now();
        let limit = if webhook.failures > 0 { 1 } else { BATCH };
        // longer than all attempts of the batch together may take
        let rounds = i32::try_from(limit).unwrap_or(1);
        let until = now
            + TimeDelta::from_std(self.timeout * u32::try_from(rounds).unwrap_or(1))
                .unwrap_or(TimeDelta::minutes(5))
            + TimeDelta::seconds(10);
        let mut conn = self.jobs_db.get().await?;
        let taken = webhooks::claim(&mut conn, webhook.id, now, until, limit).await?;
        drop(conn);
        let mut rest = taken.as_slice();
        while !rest.is_empty() {
            let (part, later) = rest.split_at(rest.len().min(AT_ONCE));
            rest = later;
            let each = part.iter().map(|id| self.try_one(webhook, *id));
            let done = join_all(each).await.into_iter();
            if done.collect::<Result<Vec<_>>>()?.contains(&false) {
                // it rests: the others come back when it does
                break;
            }
        }
        if !rest.is_empty() {
            let mut conn = self.jobs_db.get().await?;
            webhooks::release(&mut conn, rest, now).await?;
        }
        Ok(())
    }

    /// One attempt; whether there is no reason to stop.
    async fn try_one(&self, webhook: &Webhook, id: Uuid) -> Result<bool> {
        let mut conn = self.jobs_db.get().await?;
        let Some(delivery) = webhooks::find_delivery(&mut conn, webhook.id, id).await? else {
            return Ok(true);
        };
        drop(conn);
        let attempt = self.attempt(webhook, &delivery).await?;
        self.note(webhook, &delivery, &attempt).await?;
        Ok(attempt.succeeded())
    }

    /// One call of the receiver.
    pub(super) async fn attempt(&self, webhook: &Webhook, delivery: &Delivery) -> Result<Attempt> {
        let at = self.store.clock.now();
        let id = format!("msg_{}", delivery.id.simple());
        let signature = sign::signatures(&self.secrets(webhook, at)?, &id, at, &delivery.body)?;
        let started = Instant::now();
        let answer = match self.guard.judge(&webhook.url) {
            Err(_) => Err("refused"),
            Ok(url) => {
                let request = self
                    .http
                    .post(url)
                    .header("content-type", "application/json")
                    .header("webhook-id", &id)
                    .header("webhook-timestamp", at.timestamp())
                    .header("webhook-signature", signature)
                    .body(delivery.body.clone());
                let call = async {
                    let mut answer = request.send().await?;
                    let status = answer.status().as_u16();
                    let mut read = 0;
                    while let Some(part) = answer.chunk().await? {
                        read += part.len();
                        if read > ANSWER {
                            break;
                        }
                    }
                    Ok::<_, reqwest::Error>(status)
                };
                match tokio::time::timeout(self.timeout, call).await {
                    Ok(answer) => answer.map_err(|why| reason(&why)),
                    Err(_) => Err("timeout"),
                }
            }
        };
        let attempt = Attempt {
            at,
            status: answer.ok(),
            error: answer.err(),
            took: started.elapsed(),
        };
        let result = if attempt.succeeded() {
            "delivered"
        } else {
            "failed"
        };
        self.metrics
            .webhook_deliveries
            .with_label_values(&[result])
            .inc();
        Ok(attempt)
    }

    async fn note(&self, webhook: &Webhook, delivery: &Delivery, attempt: &Attempt) -> Result<()> {
        let outcome = self.outcome(delivery, attempt);
        let rest = self.rest_after(webhook.failures, attempt.at);
        let mut conn = self.jobs_db.get().await?;
        conn.transaction(async |conn| {
            webhooks::note(conn, delivery.id, &outcome).await?;
            if attempt.succeeded() {
                webhooks::awake(conn, webhook.id).await?;
            } else if attempt.status == Some(410) {
                let reason = "the receiver answered 410 Gone";
                webhooks::disable(conn, webhook.id, reason, attempt.at).await?;
                tell(conn, webhook, "webhook.disabled", attempt.at).await?;
            } else {
                webhooks::rest(conn, webhook.id, rest).await?;
                if outcome.state == DeliveryState::Failed {
                    tell(conn, webhook, "webhook.gave_up", attempt.at).await?;
                }
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

fn reason(why: &reqwest::Error) -> &'static str {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(why);
    while let Some(error) = source {
        if error.is::<Refused>() {
            return "refused";
        }
        source = error.source();
    }
    if why.is_timeout() {
        "timeout"
    } else if why.is_connect() {
        "connect"
    } else {
        "broken"
    }
}

async fn tell(
    conn: &mut diesel_async::AsyncPgConnection,
    webhook: &Webhook,
    kind: &'static str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let event = NewEvent {
        kind,
        severity: Severity::Warning,
        actor: "webhooks",
        user: None,
        device: None,
        node: None,
        data: json!({ "webhook": webhook.id }),
        at,
    };
    events::insert(conn, &event).await?;
    Ok(())
}
