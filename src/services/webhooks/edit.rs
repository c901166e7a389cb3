//! Webhooks made, changed, removed; their secrets; trying one out; sending again.
use super::{Attempt, Webhooks, sign};
use crate::{
    error::{Error, Result, violated},
    models::{Delivery, DeliveryState, Named, Webhook, WebhookId, name},
    repositories::webhooks::{self, NewDelivery, NewWebhook, Outcome},
    services::{
        fields::Fields,
        idempotency::Keep,
        store::{Seen, Trace, leave},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;

/// The most that there may be: each event becomes a row for each.
const MOST: i64 = 100;
/// The most patterns of one.
const PATTERNS: usize = 64;
/// How long the old secret signs beside the new one.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// What a webhook is made with.
#[derive(Clone, Debug, Default)]
pub struct CreateWebhook {
    pub name: String,
    pub url: String,
    pub events: Vec<String>,
    pub enabled: bool,
}

/// What to change.
#[derive(Clone, Debug, Default)]
pub struct EditWebhook {
    pub name: Option<String>,
    pub url: Option<String>,
    pub events: Option<Vec<String>>,
    pub enabled: Option<bool>,
}

impl Webhooks {
    /// Makes a webhook. Its secret is shown now and never again.
    pub async fn create(
        &self,
        principal: &str,
        create: &CreateWebhook,
        keep: &Keep<'_, (Webhook, SecretString)>,
    ) -> Result<(Webhook, SecretString)> {
        let now = self.store.clock.now();
        let mut fields = Fields::default();
        let name = fields.take("name", name::name(&create.name));
        let url = fields.take("url", self.guard.check(&create.url).await);
        check_events(&mut fields, &create.events);
        fields.done()?;
        let (name, url) = (name.unwrap_or_default(), url.map(String::from));
        let id = WebhookId(self.store.clock.uuid());
        let secret = sign::fresh(&*self.store.clock);
        let sealed = self.seal(id, "secret_sealed", secret.expose_secret())?;
        let new = NewWebhook {
            id,
            name: &name,
            url: url.as_deref().unwrap_or_default(),
            events: &create.events,
            secret_sealed: &sealed,
            enabled: create.enabled,
            created_by: principal,
            created_at: now,
            updated_at: now,
        };
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            if webhooks::count(conn).await? >= MOST {
                return Err(Error::State(format!("there are {MOST} webhooks already")));
            }
            let webhook = webhooks::insert(conn, &new).await.map_err(taken)?;
            let trace = trace(
                principal,
                ("webhook.create", "webhook.created"),
                &webhook,
                now,
            );
            let detail =
                json!({ "name": webhook.name, "host": host(&webhook), "events": webhook.events });
            leave(conn, trace.with(detail)).await?;
            let made = (webhook, secret.clone());
            keep.answer(conn, &made).await?;
            Ok(made)
        })
        .await
    }

    /// Changes what is given. A new URL, or being enabled again, wakes it up.
    pub async fn edit(
        &self,
        principal: &str,
        which: &Named,
        edit: &EditWebhook,
        seen: &Seen,
    ) -> Result<Webhook> {
        let now = self.store.clock.now();
        let mut fields = Fields::default();
        let name = edit.name.as_deref();
        let name = name.and_then(|given| fields.take("name", name::name(given)));
        let url = match &edit.url {
            Some(url) => fields.take("url", self.guard.check(url).await),
            None => None,
        };
        if let Some(events) = &edit.events {
            check_events(&mut fields, events);
        }
        fields.done()?;
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let found = webhooks::lock(conn, which).await?;
            let mut webhook = found.ok_or(Error::NotFound("webhook"))?;
            seen.check(webhook.version)?;
            if let Some(name) = name.clone() {
                webhook.name = name;
            }
            if let Some(url) = &url {
                webhook.url = url.to_string();
            }
            if let Some(events) = &edit.events {
                webhook.events.clone_from(events);
            }
            webhook.enabled = edit.enabled.unwrap_or(webhook.enabled);
            if url.is_some() || edit.enabled == Some(true) {
                webhook.failures = 0;
                webhook.resting_until = None;
                webhook.disabled_reason = None;
            }
            webhook.updated_at = now;
            webhook.version += 1;
            let webhook = webhooks::update(conn, &webhook).await.map_err(taken)?;
            let trace = trace(principal, ("webhook.update", "webhook.updated"), &webhook, now);
            let detail = json!({ "name": edit.name, "host": url.as_ref().and_then(|u| u.host_str()), "events": edit.events, "enabled": edit.enabled });
            leave(conn, trace.with(detail)).await?;
            Ok(webhook)
        })
        .await
    }

    /// Removes a webhook and its log.
    pub async fn delete(&self, principal: &str, which: &Named) -> Result<()> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let found = webhooks::find(conn, which).await?;
            let webhook = found.ok_or(Error::NotFound("webhook"))?;
            webhooks::delete(conn, webhook.id).await?;
            let trace = trace(
                principal,
                ("webhook.delete", "webhook.deleted"),
                &webhook,
                now,
            );
            leave(conn, trace.with(json!({ "name": webhook.name }))).await
        })
        .await
    }

    /// Gives it a new secret; the old one signs beside it for a day.
    pub async fn rotate_secret(
        &self,
        principal: &str,
        which: &Named,
        keep: &Keep<'_, (Webhook, SecretString)>,
    ) -> Result<(Webhook, SecretString)> {
        let now = self.store.clock.now();
        let secret = sign::fresh(&*self.store.clock);
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let found = webhooks::lock(conn, which).await?;
            let mut webhook = found.ok_or(Error::NotFound("webhook"))?;
            let row = webhook.id.to_string();
            let old = self
                .keyring
                .open(&super::place("secret_sealed", &row), &webhook.secret_sealed)?;
            let old = self.seal(webhook.id, "old_secret_sealed", old.expose_secret())?;
            webhook.old_secret_sealed = Some(old);
            webhook.old_secret_until = Some(now + OVERLAP);
            webhook.secret_sealed =
                self.seal(webhook.id, "secret_sealed", secret.expose_secret())?;
            webhook.updated_at = now;
            webhook.version += 1;
            let webhook = webhooks::update(conn, &webhook).await?;
            let what = ("webhook.rotate_secret", "webhook.secret_rotated");
            leave(conn, trace(principal, what, &webhook, now)).await?;
            let made = (webhook, secret.clone());
            keep.answer(conn, &made).await?;
            Ok::<_, Error>(made)
        })
        .await
    }

    /// Calls it now with an event of the kind `webhook.test`, and says how it went. It is tried once.
    pub async fn test(&self, principal: &str, which: &Named) -> Result<(Delivery, Attempt)> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let id = self.store.clock.uuid();
        let (webhook, delivery) = conn
            .transaction(async |conn| {
                let found = webhooks::find(conn, which).await?;
                let webhook = found.ok_or(Error::NotFound("webhook"))?;
                let data = json!({ "webhook": webhook.id, "name": webhook.name });
                let body = json!({ "type": "webhook.test", "timestamp": now, "data": data });
                let new = NewDelivery {
                    id,
                    webhook_id: webhook.id,
                    kind: "webhook.test".to_owned(),
                    user: None,
                    body: body.to_string(),
                    // never waiting: nobody else tries it
                    state: DeliveryState::Failed,
                    next_at: now,
                    created_at: now,
                    queued_at: now,
                    done_at: Some(now),
                };
                webhooks::insert_deliveries(conn, &[new]).await?;
                let trace = trace(principal, ("webhook.test", "webhook.tested"), &webhook, now);
                leave(conn, trace).await?;
                let delivery = webhooks::find_delivery(conn, webhook.id, id).await?;
                Ok::<_, Error>((webhook, delivery.ok_or(Error::NotFound("delivery"))?))
            })
            .await?;
        drop(conn);
        let attempt = self.attempt(&webhook, &delivery).await?;
        let outcome = Outcome {
            state: if attempt.succeeded() {
                DeliveryState::Delivered
            } else {
                DeliveryState::Failed
            },
            attempts: 1,
            next_at: now,
            last_at: Some(attempt.at),
            last_status: attempt.status.map(i32::from),
            last_error: attempt.error.map(str::to_owned),
            last_ms: i32::try_from(attempt.took.as_millis()).ok(),
            done_at: Some(attempt.at),
        };
        let mut conn = self.store.conn().await?;
        let delivery = webhooks::note(&mut conn, delivery.id, &outcome)
            .await?
            .ok_or(Error::NotFound("delivery"))?;
        Ok((delivery, attempt))
    }

    /// Puts a delivery back into the queue, with the same id and body.
    pub async fn resend(&self, principal: &str, which: &Named, id: Uuid) -> Result<Delivery> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let found = webhooks::find(conn, which).await?;
            let webhook = found.ok_or(Error::NotFound("webhook"))?;
            if !webhook.enabled {
                return Err(Error::State(
                    "the webhook is off: enable it first".to_owned(),
                ));
            }
            let known = webhooks::find_delivery(conn, webhook.id, id).await?;
            known.ok_or(Error::NotFound("delivery"))?;
            webhooks::awake(conn, webhook.id, &webhook.url).await?;
            let delivery = webhooks::requeue(conn, id, now).await?;
            let trace = trace(
                principal,
                ("webhook.resend", "webhook.resent"),
                &webhook,
                now,
            );
            leave(conn, trace.with(json!({ "delivery": id }))).await?;
            delivery.ok_or(Error::NotFound("delivery"))
        })
        .await
    }
}

fn check_events(fields: &mut Fields, events: &[String]) {
    if events.len() > PATTERNS {
        fields.wrong("events", format!("must be at most {PATTERNS}"));
    }
    let is_kind = |kind: &str| {
        let plain = kind.strip_suffix(".*").unwrap_or(kind);
        !plain.is_empty()
            && kind.len() <= 64
            && plain
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'.' || b == b'_')
    };
    if let Some(wrong) = events.iter().find(|kind| !is_kind(kind)) {
        fields.wrong(
            "events",
            format!("{wrong:?} is no kind such as user.limited, and no user.*"),
        );
    }
}

fn host(webhook: &Webhook) -> Option<String> {
    url::Url::parse(&webhook.url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
}

fn trace<'a>(
    principal: &'a str,
    what: (&'static str, &'static str),
    webhook: &Webhook,
    at: DateTime<Utc>,
) -> Trace<'a> {
    Trace::new(principal, what, format!("webhook:{}", webhook.id), at)
}

fn taken(error: diesel::result::Error) -> Error {
    match violated(&error) {
        Some("webhooks_name_unique") => {
            Error::Duplicate("another webhook has this name".to_owned())
        }
        _ => error.into(),
    }
}
