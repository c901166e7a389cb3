//! Who is told of events over HTTP: made, changed, tried out. What they are told comes from the outbox and is delivered by
//! `deliver`, signed by `sign`, or given up by `give_up`; `guard` says whom they may call.
mod attempt;
mod deliver;
mod edit;
mod give_up;
pub mod guard;
mod queue;
mod serving;
pub mod sign;

pub use attempt::Attempt;
pub use edit::{CreateWebhook, EditWebhook};
pub use queue::{Told, forget, queue};
pub use serving::Serving;

use crate::{
    error::{Error, Result},
    keyring::{Keyring, Place},
    models::{Delivery, DeliveryState, Named, Webhook, WebhookId},
    repositories::{
        Db,
        webhooks::{self, Log},
    },
    services::store::Store,
    telemetry::Metrics,
};
use anyhow::Context;
use chrono::{DateTime, Utc};
use guard::Guard;
use secrecy::SecretString;
use std::{path::Path, sync::Arc, time::Duration};
use uuid::Uuid;

/// The service.
#[derive(Clone)]
pub struct Webhooks {
    pub store: Store,
    /// Deliveries take their connections here: a dead receiver starves no request.
    pub jobs_db: Db,
    pub keyring: Arc<Keyring>,
    pub guard: Guard,
    pub http: reqwest::Client,
    pub timeout: Duration,
    pub metrics: Metrics,
    pub serving: Serving,
}

/// The client that calls receivers: https only, no redirects, no proxy, no address that the guard has not seen.
pub fn client(
    guard: &Guard,
    ca_file: Option<&Path>,
    timeout: Duration,
) -> anyhow::Result<reqwest::Client> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .https_only(true)
        .no_proxy()
        .referer(false)
        .timeout(timeout)
        .user_agent(concat!("hywarden/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Arc::new(guard.clone()));
    if let Some(file) = ca_file {
        let cannot = || format!("webhooks.ca_file: {}", file.display());
        let pem = std::fs::read(file).with_context(cannot)?;
        let certificates = reqwest::Certificate::from_pem_bundle(&pem).with_context(cannot)?;
        builder = builder.tls_certs_merge(certificates);
    }
    builder.build().context("the webhooks' client")
}

impl Webhooks {
    /// One page.
    pub async fn list(&self, after: Option<Uuid>, limit: i64) -> Result<Vec<Webhook>> {
        let mut conn = self.store.conn().await?;
        Ok(webhooks::list(&mut conn, after, limit).await?)
    }

    /// One of them.
    pub async fn find(&self, which: &Named) -> Result<Webhook> {
        let mut conn = self.store.conn().await?;
        let found = webhooks::find(&mut conn, which).await?;
        found.ok_or(Error::NotFound("webhook"))
    }

    /// One page of its deliveries, newest first.
    pub async fn deliveries(
        &self,
        which: &Named,
        state: Option<DeliveryState>,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Delivery>> {
        let webhook = self.find(which).await?.id;
        let mut conn = self.store.conn().await?;
        let log = Log {
            webhook,
            state,
            before,
            limit,
        };
        Ok(webhooks::log(&mut conn, log).await?)
    }

    /// The secrets that sign now, the newest first.
    fn secrets(&self, webhook: &Webhook, now: DateTime<Utc>) -> Result<Vec<SecretString>> {
        let row = webhook.id.to_string();
        let open = |column, sealed: &[u8]| self.keyring.open(&place(column, &row), sealed);
        let mut secrets = vec![open("secret_sealed", &webhook.secret_sealed)?];
        if let Some(old) = &webhook.old_secret_sealed
            && webhook.old_secret_until.is_some_and(|until| now < until)
        {
            secrets.push(open("old_secret_sealed", old)?);
        }
        Ok(secrets)
    }

    fn seal(&self, id: WebhookId, column: &'static str, secret: &str) -> Result<Vec<u8>> {
        Ok(self.keyring.seal(&place(column, &id.to_string()), secret)?)
    }
}

fn place<'a>(column: &'static str, row: &'a str) -> Place<'a> {
    Place {
        table: "webhooks",
        column,
        row,
    }
}
