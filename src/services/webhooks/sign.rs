//! Standard Webhooks: what a delivery carries so that its receiver knows who sent it.
use crate::{
    clock::{Clock, random},
    error::Result,
};
use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

const PREFIX: &str = "whsec_";

/// A new secret: `whsec_` and 32 random bytes.
pub fn fresh(clock: &dyn Clock) -> SecretString {
    let text = BASE64_STANDARD.encode(random::<32>(clock));
    format!("{PREFIX}{text}").into()
}

/// `v1,<base64>` by each secret, the newest first, with a space between.
pub fn signatures(
    secrets: &[SecretString],
    id: &str,
    at: DateTime<Utc>,
    body: &str,
) -> Result<String> {
    let mut all = Vec::with_capacity(secrets.len());
    for secret in secrets {
        let key = secret.expose_secret().strip_prefix(PREFIX);
        let key = key
            .and_then(|key| BASE64_STANDARD.decode(key).ok())
            .context("a webhook's secret is not of our form")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).context("a key of any length")?;
        mac.update(format!("{id}.{}.", at.timestamp()).as_bytes());
        mac.update(body.as_bytes());
        let mac = BASE64_STANDARD.encode(mac.finalize().into_bytes());
        all.push(format!("v1,{mac}"));
    }
    Ok(all.join(" "))
}
