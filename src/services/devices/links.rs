//! Showing a device's secret again: as links, as a client's configuration.
use super::{DeviceDetail, DeviceSecret, Devices, found};
use crate::{
    error::{Error, Result},
    models::{DeviceId, Node, Profile},
    repositories::{
        audit::{self, NewEntry},
        profiles,
    },
    services::links::{self, Format, Link},
};
use diesel_async::AsyncPgConnection;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

impl Devices {
    /// A device's secret with its links, one a permitted node. That it was shown is audited, as it is below.
    pub(super) async fn show(
        &self,
        conn: &mut AsyncPgConnection,
        principal: &str,
        id: DeviceId,
    ) -> Result<DeviceSecret> {
        let detail = found(conn, id).await?;
        let secret = self.reveal(conn, &detail.device).await?;
        let nodes = links::nodes_for(conn, detail.device.user_no, None).await?;
        self.shown(conn, principal, id, "secret").await?;
        Ok(DeviceSecret {
            detail,
            links: links::links(&self.keyring, &nodes, secret.expose_secret())?,
            secret,
        })
    }

    /// The links of a device, one a permitted node, or that of one node.
    pub async fn links(
        &self,
        principal: &str,
        id: DeviceId,
        node: Option<&str>,
    ) -> Result<Vec<Link>> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, id).await?;
        let secret = self.reveal(&mut conn, &detail.device).await?;
        let nodes = links::nodes_for(&mut conn, detail.device.user_no, node).await?;
        self.shown(&mut conn, principal, id, "links").await?;
        drop(conn);
        links::links(&self.keyring, &nodes, secret.expose_secret())
    }

    /// A client's configuration for one node: the one that is asked for, that of the device's profile, or the first
    /// permitted one; and what its user must be told besides.
    pub async fn config(
        &self,
        principal: &str,
        id: DeviceId,
        node: Option<&str>,
        format: Format,
    ) -> Result<(Value, Option<&'static str>)> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, id).await?;
        let profile = profiles::find(&mut conn, detail.device.number).await?;
        let profile = profile.unwrap_or_else(|| Profile::usual(detail.device.number));
        let config = self
            .configure(&mut conn, &detail, &profile, node, format)
            .await?;
        self.shown(&mut conn, principal, id, "config").await?;
        Ok(config)
    }

    pub(in crate::services) async fn configure(
        &self,
        conn: &mut AsyncPgConnection,
        detail: &DeviceDetail,
        profile: &Profile,
        node: Option<&str>,
        format: Format,
    ) -> Result<(Value, Option<&'static str>)> {
        let secret = self.reveal(conn, &detail.device).await?;
        let nodes = links::nodes_for(conn, detail.device.user_no, node).await?;
        let wanted = |candidate: &&Node| {
            node.is_some() || profile.node_no.is_none_or(|no| no == candidate.number)
        };
        let node = nodes
            .iter()
            .filter(wanted)
            .find(|node| profile.accepts(node))
            .ok_or_else(|| {
                Error::State("no node that fits the device's profile is permitted".to_owned())
            })?;
        links::config(&self.keyring, node, secret.expose_secret(), profile, format)
    }

    /// Notes in the audit that a secret was shown.
    pub(in crate::services) async fn shown(
        &self,
        conn: &mut AsyncPgConnection,
        principal: &str,
        id: DeviceId,
        what: &'static str,
    ) -> Result<()> {
        let subject = format!("device:{id}");
        let detail = json!({ "shown": what });
        let now = self.store.clock.now();
        let entry = NewEntry::plain(principal, "device.reveal", &subject, detail, now);
        audit::insert(conn, entry).await?;
        Ok(())
    }
}
