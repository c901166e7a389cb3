//! One call of a receiver.
use super::{Webhooks, guard::Refused, sign};
use crate::{
    error::Result,
    models::{Delivery, Webhook},
};
use chrono::{DateTime, Utc};
use std::time::{Duration, Instant};

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
