//! Configurations that were rendered before. They stand in Redis, sealed as in the database, each with the snapshot of the
//! database that was read for it: one that is older than a change of its user or of a node is rendered anew, so that no
//! answer is older than the database, whatever Redis holds.
use super::{DeviceDetail, Devices};
use crate::{
    cache::keys::{Key, Rendered},
    error::Result,
    keyring::Place,
    models::Profile,
    repositories::{changes, profiles},
    services::links::{Config, Format},
};
use diesel_async::AsyncPgConnection;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// What stands in Redis, once it is opened.
#[derive(Serialize, Deserialize)]
struct Held {
    /// The snapshot before everything that was read for it.
    seen: String,
    config: Config,
}

impl Devices {
    /// The configuration that a device's profile makes; one that was rendered before if nothing has changed since.
    pub(super) async fn rendered(
        &self,
        conn: &mut AsyncPgConnection,
        of: &DeviceDetail,
        node: Option<&str>,
        format: Format,
    ) -> Result<Config> {
        let key = Rendered {
            device: of.device.id.0,
            format: format.as_str(),
            node: node.unwrap_or_default(),
        };
        let device = &of.device;
        if device.removed_at.is_none()
            && let Some(held) = self.held(&key).await
            && !changes::are_later(conn, device.user_no, &held.seen).await?
        {
            return Ok(held.config);
        }
        let seen = changes::snapshot(conn).await?;
        let profile = profiles::find(conn, device.number).await?;
        let profile = profile.unwrap_or_else(|| Profile::usual(device.number));
        let config = self.configure(conn, of, &profile, node, format).await?;
        let held = Held { seen, config };
        self.hold(&key, &held).await;
        Ok(held.config)
    }

    async fn held(&self, key: &Rendered<'_>) -> Option<Held> {
        let sealed = self.cache.as_ref()?.get(key).await.ok()??;
        // sealed with a key that is gone, or written by another version
        let text = self.keyring.open(&place(&key.name()), &sealed).ok()?;
        serde_json::from_str(text.expose_secret()).ok()
    }

    async fn hold(&self, key: &Rendered<'_>, held: &Held) {
        let Some(cache) = &self.cache else {
            return;
        };
        let put = async {
            let text = SecretString::from(serde_json::to_string(held)?);
            let sealed = self
                .keyring
                .seal(&place(&key.name()), text.expose_secret())?;
            anyhow::Ok(cache.put(key, &sealed).await?)
        };
        if let Err(error) = put.await {
            tracing::debug!(%error, device = %key.device, "a configuration is not held");
        }
    }
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "redis",
        column: "rendered",
        row,
    }
}
