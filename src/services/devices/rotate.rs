//! Giving a device a new secret.
use super::{DeviceDetail, DeviceSecret, Devices, found, locked, secret::Secret, trace};
use crate::{
    error::{Error, Result},
    models::{CredentialKind, DeviceId},
    repositories::{credentials, devices},
    services::{callers::Caller, idempotency::Keep, links, store::leave},
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::SecretString;
use serde_json::json;

/// What the new secret is.
#[derive(Clone, Debug, Default)]
pub struct RotateDevice {
    /// `None`: the kind of the present one where a secret is given, else one of ours.
    pub kind: Option<CredentialKind>,
    pub secret: Option<SecretString>,
}

impl Devices {
    /// Replaces the secret: the old one is refused from the answer on, and connections made with it are kicked.
    pub async fn rotate(
        &self,
        by: &Caller,
        id: DeviceId,
        rotate: &RotateDevice,
        keep: &Keep<'_, DeviceSecret>,
    ) -> Result<DeviceSecret> {
        let mut conn = self.store.conn().await?;
        let made = conn
            .transaction(async |conn| {
                let (detail, secret) = self.renew(conn, by, id, rotate).await?;
                let nodes = links::nodes_for(conn, detail.device.user_no, None).await?;
                let made = self.with_links(detail, secret, &nodes)?;
                keep.answer(conn, &made).await?;
                Ok::<_, Error>(made)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(made)
    }

    /// The same, inside a transaction.
    pub(super) async fn renew(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        id: DeviceId,
        rotate: &RotateDevice,
    ) -> Result<(DeviceDetail, SecretString)> {
        let now = self.store.clock.now();
        let (mut device, owner) = locked(conn, by, id).await?;
        let present = credentials::find(conn, device.number, device.credential_version).await?;
        let present = present.map_or(CredentialKind::Own, |c| c.kind);
        let kind = match (rotate.kind, &rotate.secret) {
            (Some(kind), _) => kind,
            (None, Some(_)) => present,
            (None, None) => CredentialKind::Own,
        };
        let secret = Secret::new(self, kind, rotate.secret.as_ref())?;
        credentials::revoke(conn, device.number, now).await?;
        device.credential_version += 1;
        let device = devices::update(conn, &device, now).await?;
        secret.store(self, conn, &device, &owner.name, now).await?;
        let trace = trace(&by.name, ("device.rotate", "device.rotated"), &device, now);
        leave(conn, trace.with(json!({ "kind": kind }))).await?;
        Ok((found(conn, id).await?, secret.text))
    }
}
