//! Who is told of events over HTTP, and how each telling went.
use super::{ids::WebhookId, word::words};
use crate::schema::{webhook_deliveries, webhooks};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

words!(/** How a delivery stands. */ DeliveryState {
    /** It will be tried, or tried again. */ Waiting = "waiting",
    /** The receiver took it. */ Delivered = "delivered",
    /** Given up. */ Failed = "failed",
});

/// A row of `webhooks`.
#[derive(Clone, Debug, HasQuery, AsChangeset)]
#[diesel(table_name = webhooks, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub struct Webhook {
    pub id: WebhookId,
    pub name: String,
    pub url: String,
    /// `user.limited`, `user.*`; empty: all.
    pub events: Vec<String>,
    pub secret_sealed: Vec<u8>,
    pub old_secret_sealed: Option<Vec<u8>>,
    pub old_secret_until: Option<DateTime<Utc>>,
    pub enabled: bool,
    pub disabled_reason: Option<String>,
    pub failures: i32,
    pub resting_until: Option<DateTime<Utc>>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub version: i64,
}

impl Webhook {
    /// Whether it wants to hear of this kind.
    pub fn wants(&self, kind: &str) -> bool {
        self.events.is_empty() || self.events.iter().any(|pattern| matches(pattern, kind))
    }
}

/// `user.*` is every kind that begins with `user.`.
fn matches(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(noun) => kind.starts_with(noun),
        None => pattern == kind,
    }
}

/// A row of `webhook_deliveries`.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = webhook_deliveries, check_for_backend(diesel::pg::Pg))]
pub struct Delivery {
    pub id: Uuid,
    pub sequence: i64,
    pub webhook_id: WebhookId,
    pub kind: String,
    pub body: String,
    pub state: DeliveryState,
    pub attempts: i32,
    pub next_at: DateTime<Utc>,
    pub last_at: Option<DateTime<Utc>>,
    pub last_status: Option<i32>,
    pub last_error: Option<String>,
    pub last_ms: Option<i32>,
    pub created_at: DateTime<Utc>,
    pub done_at: Option<DateTime<Utc>>,
}
