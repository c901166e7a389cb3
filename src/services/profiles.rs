//! What a device's client configuration is made with: its node, its disguise, its line, what it offers.
use crate::{
    error::{Error, Result},
    models::{DeviceId, Mode, Named, NodeNo, Profile, WantedObfs},
    repositories::{nodes, profiles, users},
    services::{
        callers::Caller,
        devices::{self, Devices},
        fields::Fields,
        idempotency::Keep,
        links::Format,
        store::{Seen, leave},
    },
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Value, json};
use std::net::SocketAddr;
use validator::Validate;

/// Hysteria takes no lower bandwidth.
const SLOWEST: i64 = 65_536;
const FASTEST: i64 = 1 << 50;
/// What it takes to be shown a secret again.
const REVEALS: &str = "secrets:read";

/// The service.
#[derive(Clone)]
pub struct Profiles {
    pub devices: Devices,
}

/// All that a profile says.
#[derive(Clone, Debug, Default, Validate)]
pub struct ProfileTerms {
    /// Id or name; `None`: the first that is permitted.
    pub node: Option<String>,
    pub obfs: Option<WantedObfs>,
    /// Bytes a second.
    #[validate(range(min = SLOWEST, max = FASTEST))]
    pub up: Option<i64>,
    /// Bytes a second.
    #[validate(range(min = SLOWEST, max = FASTEST))]
    pub down: Option<i64>,
    pub mode: Option<Mode>,
    /// `address:port`.
    pub listen: Option<String>,
    pub lazy: bool,
    pub fast_open: bool,
}

/// A device's profile with the configuration that it makes.
#[derive(Clone, Debug)]
pub struct ProfileDetail {
    pub profile: Profile,
    /// The node's name.
    pub node: Option<String>,
    /// The official client's configuration, and the same as YAML, for those who may be shown the device's secret in it.
    pub config: Option<(Value, String)>,
}

impl ProfileTerms {
    fn check(&self) -> Result<()> {
        let mut fields = Fields::declared(self);
        if let Some(listen) = &self.listen {
            let at = listen.parse::<SocketAddr>();
            fields.check(
                at.is_ok_and(|at| at.port() > 0),
                "listen",
                "must be address:port",
            );
            fields.check(
                self.mode != Some(Mode::Tun),
                "listen",
                "does not belong to mode tun",
            );
        }
        fields.done()
    }
}

impl Profiles {
    /// The profile of a user's device, or the defaults, and the configuration that it makes.
    pub async fn find(
        &self,
        principal: &str,
        user: &Named,
        device: DeviceId,
    ) -> Result<ProfileDetail> {
        let mut conn = self.devices.store.conn().await?;
        let number = owned(&mut conn, user, device).await?;
        let profile = profiles::find(&mut conn, number).await?;
        let profile = profile.unwrap_or_else(|| Profile::usual(number));
        let made = self.detail(&mut conn, device, profile).await?;
        self.devices
            .shown(&mut conn, principal, &[device], "config")
            .await?;
        Ok(made)
    }

    /// Gives a device a profile. `fresh`: only one that has none yet. The configuration holds a secret that was made
    /// before: whoever reaches no secrets is not shown it.
    pub async fn put(
        &self,
        by: &Caller,
        (user, device): (&Named, DeviceId),
        terms: &ProfileTerms,
        (fresh, seen): (bool, &Seen),
        keep: &Keep<'_, ProfileDetail>,
    ) -> Result<ProfileDetail> {
        terms.check()?;
        let store = &self.devices.store;
        let now = store.clock.now();
        let mut conn = store.conn().await?;
        conn.transaction(async |conn| {
            let number = owned(conn, user, device).await?;
            let (locked, _) = devices::locked(conn, by, device).await?;
            let before = profiles::find(conn, number).await?;
            if fresh && before.is_some() {
                return Err(Error::Duplicate("the device has a profile".to_owned()));
            }
            let node = match &terms.node {
                Some(node) => Some(node_of(conn, node).await?),
                None => None,
            };
            seen.check(before.as_ref().map_or(0, |p| p.version))?;
            let profile = Profile {
                device_no: number,
                node_no: node,
                obfs: terms.obfs,
                up: terms.up,
                down: terms.down,
                mode: terms.mode.unwrap_or(Mode::Socks5),
                listen: terms.listen.clone(),
                lazy: terms.lazy,
                fast_open: terms.fast_open,
                version: before.as_ref().map_or(0, |p| p.version) + 1,
                created_at: before.as_ref().map_or(now, |p| p.created_at),
                updated_at: now,
            };
            let profile = profiles::put(conn, &profile).await?;
            let what = ("device.configure", "device.configured");
            let trace = devices::trace(&by.name, what, &locked, now).with(json!({
                "node": node.map(|no| no.0), "obfs": terms.obfs, "up": terms.up, "down": terms.down,
                "mode": profile.mode, "lazy": terms.lazy, "fast_open": terms.fast_open,
            }));
            leave(conn, trace).await?;
            let mut made = self.detail(conn, device, profile).await?;
            if by.reach(REVEALS).is_some() {
                self.devices
                    .shown(conn, &by.name, &[device], "config")
                    .await?;
            } else {
                made.config = None;
            }
            keep.answer(conn, &made).await?;
            Ok(made)
        })
        .await
    }

    /// Takes a device's profile away: it has the defaults again.
    pub async fn delete(&self, by: &Caller, user: &Named, device: DeviceId) -> Result<()> {
        let store = &self.devices.store;
        let now = store.clock.now();
        let mut conn = store.conn().await?;
        conn.transaction(async |conn| {
            let number = owned(conn, user, device).await?;
            let (locked, _) = devices::locked(conn, by, device).await?;
            if !profiles::delete(conn, number).await? {
                return Err(Error::NotFound("profile"));
            }
            let what = ("device.unconfigure", "device.configured");
            leave(conn, devices::trace(&by.name, what, &locked, now)).await
        })
        .await
    }

    async fn detail(
        &self,
        conn: &mut AsyncPgConnection,
        device: DeviceId,
        profile: Profile,
    ) -> Result<ProfileDetail> {
        let of = devices::found(conn, device).await?;
        let config = self
            .devices
            .configure(conn, &of, &profile, None, Format::Hysteria)
            .await?
            .file;
        let node = match profile.node_no {
            Some(no) => nodes::names(conn, &[no]).await?.pop(),
            None => None,
        };
        let yaml = serde_yaml_ng::to_string(&config).map_err(anyhow::Error::from)?;
        Ok(ProfileDetail {
            node: node.map(|(_, _, name)| name),
            profile,
            config: Some((config, yaml)),
        })
    }
}

/// The number of a live device, if it is this user's.
async fn owned(
    conn: &mut AsyncPgConnection,
    user: &Named,
    device: DeviceId,
) -> Result<crate::models::DeviceNo> {
    let owner = users::find(conn, user).await?;
    let owner = owner.ok_or(Error::NotFound("user"))?;
    let found = devices::found(conn, device).await?;
    if found.device.user_no != owner.number || found.device.removed_at.is_some() {
        return Err(Error::NotFound("device"));
    }
    Ok(found.device.number)
}

async fn node_of(conn: &mut AsyncPgConnection, named: &str) -> Result<NodeNo> {
    let found = nodes::find(conn, &Named::from(named)).await?;
    let (node, _) = found.ok_or_else(|| Error::field("node", "there is no such node"))?;
    Ok(node.number)
}
