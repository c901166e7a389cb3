//! Showing a device's secret again: as links, as a client's configuration.
use super::{Devices, found};
use crate::{
    error::{Error, Result},
    models::DeviceId,
    services::links::{self, Format, Link},
};
use secrecy::ExposeSecret;
use serde_json::Value;

impl Devices {
    /// The links of a device, one a permitted node, or that of one node.
    pub async fn links(&self, id: DeviceId, node: Option<&str>) -> Result<Vec<Link>> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, id).await?;
        let secret = self.reveal(&mut conn, &detail.device).await?;
        let nodes = links::nodes_for(&mut conn, detail.device.user_no, node).await?;
        drop(conn);
        links::links(&self.keyring, &nodes, secret.expose_secret())
    }

    /// A client's configuration for one node: the one that is asked for, or the first permitted one; and what its user
    /// must be told besides.
    pub async fn config(
        &self,
        id: DeviceId,
        node: Option<&str>,
        format: Format,
    ) -> Result<(Value, Option<&'static str>)> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, id).await?;
        let secret = self.reveal(&mut conn, &detail.device).await?;
        let nodes = links::nodes_for(&mut conn, detail.device.user_no, node).await?;
        drop(conn);
        let node = nodes
            .first()
            .ok_or_else(|| Error::State("no node is permitted to the device's user".to_owned()))?;
        links::config(&self.keyring, node, secret.expose_secret(), format)
    }
}
