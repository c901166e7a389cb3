//! Clients of users: registered, blocked, given new secrets, removed. Each has one live credential, which is hashed to be
//! found and sealed to be shown again.
mod batch;
mod create;
mod links;
mod of_user;
mod rendered;
mod rotate;
mod secret;

pub use crate::repositories::devices::{After, Filter, State};
pub use batch::{DeviceAction, DeviceBatch, DeviceItem, DeviceOutcome};
pub use create::CreateDevice;
pub use rotate::RotateDevice;

use crate::{
    admission::{CredentialKeys, concurrency::Listed},
    cache::Cache,
    error::{Error, Result},
    keyring::Keyring,
    models::{CredentialKind, Device, DeviceId, Named, OnConflict, User, UserId, UserNo, name},
    repositories::{
        changes::Change,
        credentials,
        devices::{self, Owned},
        traffic::{self, Kicked},
        users,
    },
    services::{
        callers::Caller,
        fields::Fields,
        leases::Leases,
        links::Links,
        store::{Seen, Store, Trace, leave},
        users::MOST_COUNTED,
    },
};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use validator::Validate;

/// The service.
#[derive(Clone)]
pub struct Devices {
    pub store: Store,
    pub keyring: Arc<Keyring>,
    pub credentials: Arc<CredentialKeys>,
    pub leases: Arc<Leases>,
    /// Where rendered configurations are held.
    pub cache: Option<Cache>,
}

/// A device as callers see it, without its secret.
#[derive(Clone, Debug)]
pub struct DeviceDetail {
    pub device: Device,
    pub user_id: UserId,
    /// The owner's name.
    pub user: String,
    /// Of its present credential.
    pub kind: Option<CredentialKind>,
}

/// A device with the secret that was just made, and what a client is given.
#[derive(Clone, Debug)]
pub struct DeviceSecret {
    pub detail: DeviceDetail,
    pub secret: SecretString,
    pub links: Links,
}

/// What to change of a device.
#[derive(Clone, Debug, Default, Validate)]
pub struct EditDevice {
    pub name: Option<String>,
    #[validate(range(min = 1, max = 1000))]
    pub max_connections: Option<i16>,
    pub on_conflict: Option<OnConflict>,
}

impl From<Owned> for DeviceDetail {
    fn from((device, user_id, user, kind): Owned) -> Self {
        Self {
            device,
            user_id,
            user,
            kind,
        }
    }
}

impl Devices {
    /// One page, of all users or of one, and how many there are in all if that is `counted`: `MOST_COUNTED` stands for
    /// that many or more.
    pub async fn list(
        &self,
        user: Option<&Named>,
        mut filter: Filter,
        counted: bool,
    ) -> Result<(Vec<DeviceDetail>, Option<i64>)> {
        let mut conn = self.store.conn().await?;
        if let Some(user) = user {
            let owner = users::find(&mut conn, user).await?;
            filter.user = Some(owner.ok_or(Error::NotFound("user"))?.number);
        }
        let page = devices::list(&mut conn, &filter).await?;
        let total = if counted {
            Some(devices::count(&mut conn, &filter, MOST_COUNTED).await?)
        } else {
            None
        };
        Ok((page.into_iter().map(Into::into).collect(), total))
    }

    /// One device, removed ones too.
    pub async fn find(&self, id: DeviceId) -> Result<DeviceDetail> {
        let mut conn = self.store.conn().await?;
        found(&mut conn, id).await
    }

    /// Whose device this is, removed ones too.
    pub async fn owner(&self, id: DeviceId) -> Result<Option<UserNo>> {
        let mut conn = self.store.conn().await?;
        Ok(devices::owner(&mut conn, id).await?)
    }

    /// Changes what is given and leaves the rest.
    pub async fn edit(
        &self,
        by: &Caller,
        id: DeviceId,
        edit: &EditDevice,
        seen: &Seen,
    ) -> Result<DeviceDetail> {
        let mut fields = Fields::declared(edit);
        let name = edit
            .name
            .as_ref()
            .and_then(|n| fields.take("name", name::name(n)));
        fields.done()?;
        let mut detail = Map::new();
        if name.is_some() {
            detail.insert("name".to_owned(), Value::Null);
        }
        if let Some(n) = edit.max_connections {
            detail.insert("max_connections".to_owned(), json!(n));
        }
        if let Some(word) = edit.on_conflict {
            detail.insert("on_conflict".to_owned(), json!(word));
        }
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let done = conn
            .transaction(async |conn| {
                let (mut device, _) = locked(conn, by, id).await?;
                seen.check(device.version)?;
                if let Some(name) = &name {
                    device.name.clone_from(name);
                }
                device.max_connections = edit.max_connections.unwrap_or(device.max_connections);
                device.on_conflict = edit.on_conflict.unwrap_or(device.on_conflict);
                let device = devices::update(conn, &device, now).await.map_err(taken)?;
                let what = ("device.update", "device.updated");
                let trace = trace(&by.name, what, &device, now).with(Value::Object(detail));
                leave(conn, trace).await?;
                found(conn, id).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(done)
    }

    /// Blocks: refused from the answer on, and kicked.
    pub async fn block(&self, by: &Caller, id: DeviceId) -> Result<DeviceDetail> {
        self.set_blocked(by, id, true).await
    }

    /// Ends a block.
    pub async fn unblock(&self, by: &Caller, id: DeviceId) -> Result<DeviceDetail> {
        self.set_blocked(by, id, false).await
    }

    async fn set_blocked(&self, by: &Caller, id: DeviceId, blocked: bool) -> Result<DeviceDetail> {
        let mut conn = self.store.conn().await?;
        let done = conn
            .transaction(async |conn| self.block_in(conn, by, id, blocked).await)
            .await?;
        self.store.caught_up(conn).await?;
        Ok(done)
    }

    async fn block_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        id: DeviceId,
        blocked: bool,
    ) -> Result<DeviceDetail> {
        let now = self.store.clock.now();
        let (mut device, _) = locked(conn, by, id).await?;
        let since = device.blocked_at.or(Some(now));
        device.blocked_at = since.filter(|_| blocked);
        let device = devices::update(conn, &device, now).await?;
        let what = if blocked {
            ("device.block", "device.blocked")
        } else {
            ("device.unblock", "device.unblocked")
        };
        leave(conn, trace(&by.name, what, &device, now)).await?;
        found(conn, id).await
    }

    /// Removes: refused from the answer on, and kicked. The sealed secret is gone at once; its hash answers
    /// `device_revoked` for 30 days.
    pub async fn remove(&self, by: &Caller, id: DeviceId) -> Result<DeviceDetail> {
        let mut conn = self.store.conn().await?;
        let done = conn
            .transaction(async |conn| self.remove_in(conn, by, id).await)
            .await?;
        self.store.caught_up(conn).await?;
        Ok(done)
    }

    async fn remove_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        id: DeviceId,
    ) -> Result<DeviceDetail> {
        let now = self.store.clock.now();
        let (mut device, _) = locked(conn, by, id).await?;
        device.removed_at = Some(now);
        let device = devices::update(conn, &device, now).await?;
        credentials::revoke(conn, device.number, now).await?;
        let what = ("device.remove", "device.removed");
        leave(conn, trace(&by.name, what, &device, now)).await?;
        found(conn, id).await
    }

    /// Closes a device's connections; it may log in again. Gives how many were open.
    pub async fn kick(&self, by: &Caller, id: DeviceId) -> Result<usize> {
        let mut conn = self.store.conn().await?;
        let open = conn
            .transaction(async |conn| self.kick_in(conn, by, id).await)
            .await?;
        self.displace(&open).await;
        self.store.caught_up(conn).await?;
        Ok(open.len())
    }

    async fn kick_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        id: DeviceId,
    ) -> Result<Vec<Kicked>> {
        let now = self.store.clock.now();
        let (device, _) = locked(conn, by, id).await?;
        let open = traffic::mark_kicked(conn, Some(device.number), None, now).await?;
        let mut trace = trace(&by.name, ("device.kick", "device.kicked"), &device, now)
            .with(json!({ "connections": open.len() }));
        // the readers of these nodes look at once
        let mut on: Vec<_> = open.iter().map(|kicked| kicked.node).collect();
        on.sort_unstable();
        on.dedup();
        trace.changes.extend(on.into_iter().map(Change::Node));
        leave(conn, trace).await?;
        Ok(open)
    }

    /// To be called once the kicks are committed.
    async fn displace(&self, open: &[Kicked]) {
        for kicked in open {
            let listed = Listed {
                id: &kicked.id,
                user: kicked.user,
                device: kicked.device,
            };
            self.leases.displace(kicked.node, &[listed]).await;
        }
    }
}

/// The device as callers see it.
pub(super) async fn found(conn: &mut AsyncPgConnection, id: DeviceId) -> Result<DeviceDetail> {
    let found = devices::find(conn, id).await?;
    Ok(found.ok_or(Error::NotFound("device"))?.into())
}

/// The device and its owner, locked, if the caller may change what the owner has. The owner's row comes first: users come
/// before devices in every writer's order.
pub(super) async fn locked(
    conn: &mut AsyncPgConnection,
    by: &Caller,
    id: DeviceId,
) -> Result<(Device, User)> {
    let owner = devices::owner(conn, id)
        .await?
        .ok_or(Error::NotFound("device"))?;
    let owner = users::lock_number(conn, owner).await?;
    by.must_manage_of(&owner)?;
    let device = devices::lock(conn, id).await?;
    Ok((device.ok_or(Error::NotFound("device"))?, owner))
}

/// The traces of a change of a device: directories read its owner's rows.
pub(super) fn trace<'a>(
    principal: &'a str,
    what: (&'static str, &'static str),
    device: &Device,
    at: DateTime<Utc>,
) -> Trace<'a> {
    Trace::new(principal, what, format!("device:{}", device.id), at)
        .user(device.user_no)
        .device(device.number)
}

/// A name that another live device of the user has.
fn taken(error: diesel::result::Error) -> Error {
    match crate::error::violated(&error) {
        Some("devices_live_name_unique") => {
            Error::Duplicate("the user has another device with this name".to_owned())
        }
        _ => error.into(),
    }
}
