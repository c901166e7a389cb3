//! What webhooks and their deliveries look like.
use crate::{
    models::{Delivery, DeliveryState, Webhook, WebhookId},
    services::webhooks::{CreateWebhook, EditWebhook},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Who is told of events.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    pub id: WebhookId,
    pub name: String,
    pub url: String,
    /// Kinds such as `user.limited`, or `user.*`; empty: all.
    pub events: Vec<String>,
    pub enabled: bool,
    /// Why the program itself turned it off.
    pub disabled_reason: Option<String>,
    /// Failed attempts since the last one that succeeded.
    pub failures: i32,
    /// Not called before: it failed lately.
    pub resting_until: Option<DateTime<Utc>>,
    /// Until then two secrets sign.
    pub old_secret_until: Option<DateTime<Utc>>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Rises with each change; the `ETag` of the webhook.
    pub version: i64,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id,
            name: webhook.name,
            url: webhook.url,
            events: webhook.events,
            enabled: webhook.enabled,
            disabled_reason: webhook.disabled_reason,
            failures: webhook.failures,
            resting_until: webhook.resting_until,
            old_secret_until: webhook.old_secret_until,
            created_by: webhook.created_by,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
            version: webhook.version,
        }
    }
}

/// A webhook with its secret, shown this once.
#[derive(Serialize, ToSchema)]
pub struct WebhookSecretView {
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// `whsec_…`: what the receiver verifies deliveries with.
    pub secret: String,
}

impl From<(Webhook, SecretString)> for WebhookSecretView {
    fn from((webhook, secret): (Webhook, SecretString)) -> Self {
        Self {
            webhook: webhook.into(),
            secret: secret.expose_secret().to_owned(),
        }
    }
}

/// What a webhook is made with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhookBody {
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// https, at a public address and a port of `webhooks.ports`.
    pub url: String,
    /// Kinds such as `user.limited`, or `user.*`, at most 64; absent or empty: all.
    #[serde(default)]
    pub events: Vec<String>,
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

impl From<CreateWebhookBody> for CreateWebhook {
    fn from(body: CreateWebhookBody) -> Self {
        Self {
            name: body.name,
            url: body.url,
            events: body.events,
            enabled: body.enabled,
        }
    }
}

/// What to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditWebhookBody {
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    pub url: Option<String>,
    pub events: Option<Vec<String>>,
    pub enabled: Option<bool>,
}

impl From<EditWebhookBody> for EditWebhook {
    fn from(body: EditWebhookBody) -> Self {
        Self {
            name: body.name,
            url: body.url,
            events: body.events,
            enabled: body.enabled,
        }
    }
}

/// Something that a webhook was told, or is to be told.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    pub id: Uuid,
    /// The event's kind.
    pub kind: String,
    pub state: DeliveryState,
    pub attempts: i32,
    /// The next attempt, while it waits.
    pub next_at: Option<DateTime<Utc>>,
    pub last_at: Option<DateTime<Utc>>,
    /// HTTP status of the last answer; the answer itself is not kept.
    pub last_status: Option<i32>,
    /// Why there was none: `refused`, `connect`, `timeout`, `broken`.
    pub last_error: Option<String>,
    /// How long it took, in milliseconds.
    pub last_ms: Option<i32>,
    /// What is sent.
    pub body: Value,
    pub created_at: DateTime<Utc>,
    pub done_at: Option<DateTime<Utc>>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        let waits = delivery.state == DeliveryState::Waiting;
        Self {
            id: delivery.id,
            kind: delivery.kind,
            state: delivery.state,
            attempts: delivery.attempts,
            next_at: waits.then_some(delivery.next_at),
            last_at: delivery.last_at,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            last_ms: delivery.last_ms,
            body: serde_json::from_str(&delivery.body).unwrap_or_default(),
            created_at: delivery.created_at,
            done_at: delivery.done_at,
        }
    }
}

/// How a test went.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryTestView {
    /// The receiver took it.
    pub delivered: bool,
    pub delivery: DeliveryView,
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDeliveries {
    /// At most 100.
    pub limit: Option<i64>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only those that stand so.
    pub state: Option<DeliveryState>,
}
