//! Showing a device's secret again: as links, as a client's configuration.
use super::{After, DeviceDetail, DeviceSecret, Devices, Filter, found};
use crate::{
    error::Result,
    models::{DeviceId, Profile, UserNo},
    repositories::{
        audit::{self, NewEntry},
        devices,
    },
    services::links::{self, Config, Format, Links, Permitted},
};
use diesel_async::AsyncPgConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

impl Devices {
    /// The secrets of a page of a user's live devices, by id, with their links; and whether more follow. That they were
    /// shown is audited, as it is below.
    pub(super) async fn show(
        &self,
        conn: &mut AsyncPgConnection,
        principal: &str,
        user: UserNo,
        (after, limit): (Option<DeviceId>, i64),
    ) -> Result<(Vec<DeviceSecret>, bool)> {
        let filter = Filter {
            user: Some(user),
            after: after.map(|id| After::Id(id.0)),
            limit: limit + 1,
            ..Filter::default()
        };
        let mut page = devices::list(conn, &filter).await?;
        let limit = usize::try_from(limit).unwrap_or(0);
        let more = page.len() > limit;
        page.truncate(limit);
        let nodes = links::nodes_for(conn, user, None).await?;
        let mut all = Vec::with_capacity(page.len());
        for owned in page {
            let detail = DeviceDetail::from(owned);
            let secret = self.reveal(conn, &detail.device).await?;
            all.push(self.with_links(detail, secret, &nodes)?);
        }
        let ids: Vec<DeviceId> = all.iter().map(|made| made.detail.device.id).collect();
        self.shown(conn, principal, &ids, "secret").await?;
        Ok((all, more))
    }

    /// A device with a secret and its links.
    pub(super) fn with_links(
        &self,
        detail: DeviceDetail,
        secret: SecretString,
        nodes: &Permitted,
    ) -> Result<DeviceSecret> {
        Ok(DeviceSecret {
            detail,
            links: links::links(&self.keyring, nodes, secret.expose_secret())?,
            secret,
        })
    }

    /// The links of a device, one a permitted node, or that of one node.
    pub async fn links(&self, principal: &str, id: DeviceId, node: Option<&str>) -> Result<Links> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, id).await?;
        let secret = self.reveal(&mut conn, &detail.device).await?;
        let nodes = links::nodes_for(&mut conn, detail.device.user_no, node).await?;
        let links = links::links(&self.keyring, &nodes, secret.expose_secret())?;
        self.shown(&mut conn, principal, &[id], "links").await?;
        Ok(links)
    }

    /// A client's configuration for one node: the one that is asked for, that of the device's profile, or the first
    /// permitted one.
    pub async fn config(
        &self,
        principal: &str,
        id: DeviceId,
        node: Option<&str>,
        format: Format,
    ) -> Result<Config> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, id).await?;
        let config = self.rendered(&mut conn, &detail, node, format).await?;
        self.shown(&mut conn, principal, &[id], "config").await?;
        Ok(config)
    }

    pub(in crate::services) async fn configure(
        &self,
        conn: &mut AsyncPgConnection,
        detail: &DeviceDetail,
        profile: &Profile,
        node: Option<&str>,
        format: Format,
    ) -> Result<Config> {
        let secret = self.reveal(conn, &detail.device).await?;
        let node = links::node_for(conn, detail.device.user_no, profile, node).await?;
        let secret = secret.expose_secret();
        links::config(&self.keyring, &node, secret, profile, format)
    }

    /// Notes in the audit that the secrets of these devices were shown.
    pub(in crate::services) async fn shown(
        &self,
        conn: &mut AsyncPgConnection,
        principal: &str,
        ids: &[DeviceId],
        what: &'static str,
    ) -> Result<()> {
        let now = self.store.clock.now();
        let subjects: Vec<String> = ids.iter().map(|id| format!("device:{id}")).collect();
        let entry = |subject| {
            let detail = json!({ "shown": what });
            NewEntry::plain(principal, "device.reveal", subject, detail, now)
        };
        let entries: Vec<_> = subjects.iter().map(|subject| entry(subject)).collect();
        audit::insert_all(conn, entries).await?;
        Ok(())
    }
}
