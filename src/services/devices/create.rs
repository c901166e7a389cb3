//! Registering a device.
use super::{DeviceDetail, DeviceSecret, Devices, secret::Secret, taken, trace};
use crate::{
    error::{Error, Result},
    models::{CredentialKind, DeviceId, Named, OnConflict, name},
    repositories::devices::{self, NewDevice},
    services::{callers::Caller, fields::Fields, idempotency::Keep, links, store::leave, users},
};
use diesel_async::AsyncConnection;
use secrecy::SecretString;
use serde_json::json;
use validator::Validate;

/// The most live devices of one user, whatever its limit says: some calls touch them all.
const MOST: i32 = 1_000;

/// What a device is registered with.
#[derive(Clone, Debug, Default, Validate)]
pub struct CreateDevice {
    pub name: String,
    pub kind: Option<CredentialKind>,
    /// Of kinds `userpass` and `bare`: what the client sends already.
    pub secret: Option<SecretString>,
    #[validate(range(min = 1, max = 1000))]
    pub max_connections: Option<i16>,
    pub on_conflict: Option<OnConflict>,
}

impl Devices {
    /// Registers a device, never beyond the user's limit: the user's row is locked while we count.
    pub async fn create(
        &self,
        by: &Caller,
        user: &Named,
        create: &CreateDevice,
        keep: &Keep<'_, DeviceSecret>,
    ) -> Result<DeviceSecret> {
        let mut fields = Fields::declared(create);
        let name = fields.take("name", name::name(&create.name));
        fields.done()?;
        let kind = create.kind.unwrap_or(CredentialKind::Own);
        let secret = Secret::new(self, kind, create.secret.as_ref())?;
        let now = self.store.clock.now();
        let id = DeviceId(self.store.clock.uuid());
        let mut conn = self.store.conn().await?;
        let made = conn
            .transaction(async |conn| {
                let owner = users::locked(conn, user).await?;
                by.must_manage_of(&owner)?;
                if owner.deleted_at.is_some() {
                    return Err(Error::State("the user is deleted".to_owned()));
                }
                let limit = owner.device_limit.map_or(MOST, |limit| limit.min(MOST));
                if devices::count_live(conn, owner.number).await? >= i64::from(limit) {
                    return Err(Error::DeviceLimit(limit));
                }
                let new = NewDevice {
                    id,
                    user_no: owner.number,
                    name: name.as_deref().unwrap_or_default(),
                    max_connections: create.max_connections.unwrap_or(1),
                    on_conflict: create.on_conflict.unwrap_or(OnConflict::Newest),
                    created_at: now,
                    updated_at: now,
                };
                let device = devices::insert(conn, &new).await.map_err(taken)?;
                secret.store(self, conn, &device, &owner.name, now).await?;
                let trace = trace(&by.name, ("device.create", "device.created"), &device, now);
                leave(conn, trace.with(json!({ "kind": kind }))).await?;
                let nodes = links::nodes_for(conn, owner.number, None).await?;
                let detail = DeviceDetail {
                    device,
                    user_id: owner.id,
                    user: owner.name,
                    kind: Some(kind),
                };
                let made = self.with_links(detail, secret.text.clone(), &nodes)?;
                keep.answer(conn, &made).await?;
                Ok(made)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(made)
    }
}
