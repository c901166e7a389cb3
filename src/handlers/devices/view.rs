//! What a device looks like, and what one is made and changed with.
use crate::{
    models::{CredentialKind, DeviceId, OnConflict, UserId},
    services::{
        devices::{CreateDevice, DeviceDetail, DeviceSecret, EditDevice, RotateDevice, State},
        links::{Link, Links},
    },
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A device, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceView {
    pub id: DeviceId,
    pub name: String,
    /// The owner's name.
    pub user: String,
    pub user_id: UserId,
    /// `active`, `blocked` or `removed`.
    pub status: &'static str,
    /// Of its credential.
    pub kind: Option<CredentialKind>,
    /// Connections at once, on each node.
    pub max_connections: i16,
    pub on_conflict: OnConflict,
    /// Rises with each rotation.
    pub credential_version: i32,
    pub blocked_at: Option<DateTime<Utc>>,
    pub removed_at: Option<DateTime<Utc>>,
    /// Rises with each change; in quotes it is the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl DeviceView {
    /// What `fields` may name.
    pub const FIELDS: &[&str] = &[
        "id",
        "name",
        "user",
        "user_id",
        "status",
        "kind",
        "max_connections",
        "on_conflict",
        "credential_version",
        "blocked_at",
        "removed_at",
        "version",
        "created_at",
        "updated_at",
    ];
}

impl From<DeviceDetail> for DeviceView {
    fn from(detail: DeviceDetail) -> Self {
        let device = detail.device;
        Self {
            status: match (device.removed_at, device.blocked_at) {
                (Some(_), _) => "removed",
                (None, Some(_)) => "blocked",
                (None, None) => "active",
            },
            id: device.id,
            name: device.name,
            user: detail.user,
            user_id: detail.user_id,
            kind: detail.kind,
            max_connections: device.max_connections,
            on_conflict: device.on_conflict,
            credential_version: device.credential_version,
            blocked_at: device.blocked_at,
            removed_at: device.removed_at,
            version: device.version,
            created_at: device.created_at,
            updated_at: device.updated_at,
        }
    }
}

/// A link of one node.
#[derive(Serialize, ToSchema)]
pub struct LinkView {
    /// The node's name.
    pub node: String,
    pub uri: String,
}

impl From<&Link> for LinkView {
    fn from(link: &Link) -> Self {
        Self {
            node: link.node.clone(),
            uri: link.uri.expose_secret().to_owned(),
        }
    }
}

/// A device's links.
#[derive(Serialize, ToSchema)]
pub struct LinksView {
    /// The first permitted node's; `null`: there is none.
    pub uri: Option<String>,
    /// Of at most 100 nodes.
    pub uris: Vec<LinkView>,
    /// More nodes are permitted than these: name one as `node` for its link.
    pub more: bool,
}

impl From<&Links> for LinksView {
    fn from(links: &Links) -> Self {
        let uris: Vec<LinkView> = links.all.iter().map(Into::into).collect();
        Self {
            uri: uris.first().map(|link| link.uri.clone()),
            uris,
            more: links.more,
        }
    }
}

/// A device with the secret that was just made.
#[derive(Serialize, ToSchema)]
pub struct DeviceSecretView {
    #[serde(flatten)]
    pub device: DeviceView,
    /// What the client sends as `auth`.
    pub secret: String,
    #[serde(flatten)]
    pub links: LinksView,
}

impl From<DeviceSecret> for DeviceSecretView {
    fn from(made: DeviceSecret) -> Self {
        Self {
            secret: made.secret.expose_secret().to_owned(),
            links: (&made.links).into(),
            device: made.detail.into(),
        }
    }
}

/// What a device is made with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateDeviceBody {
    /// Unique among the user's live devices.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// `own` (the default) makes a secret; `userpass` and `bare` take over one that a client has.
    pub kind: Option<CredentialKind>,
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretString>,
    /// Connections at once, on each node; 1 when nothing is said.
    #[schema(minimum = 1, maximum = 1000)]
    pub max_connections: Option<i16>,
    pub on_conflict: Option<OnConflict>,
}

impl CreateDeviceBody {
    /// Asks for what a user does not decide itself: a secret of its own making, more connections.
    pub fn exceeds_own(&self) -> bool {
        self.kind.is_some_and(|kind| kind != CredentialKind::Own)
            || self.secret.is_some()
            || self.max_connections.is_some()
    }
}

impl From<CreateDeviceBody> for CreateDevice {
    fn from(body: CreateDeviceBody) -> Self {
        Self {
            name: body.name,
            kind: body.kind,
            secret: body.secret,
            max_connections: body.max_connections,
            on_conflict: body.on_conflict,
        }
    }
}

/// What to change of a device.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditDeviceBody {
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    #[schema(minimum = 1, maximum = 1000)]
    pub max_connections: Option<i16>,
    pub on_conflict: Option<OnConflict>,
}

impl From<EditDeviceBody> for EditDevice {
    fn from(body: EditDeviceBody) -> Self {
        Self {
            name: body.name,
            max_connections: body.max_connections,
            on_conflict: body.on_conflict,
        }
    }
}

/// What the new secret is; nothing said: one of ours.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateBody {
    /// Absent with a secret: the kind stays.
    pub kind: Option<CredentialKind>,
    #[schema(value_type = Option<String>)]
    pub secret: Option<SecretString>,
}

impl RotateBody {
    /// Asks for what a user does not decide itself: a secret of its own making.
    pub fn exceeds_own(&self) -> bool {
        self.kind.is_some_and(|kind| kind != CredentialKind::Own) || self.secret.is_some()
    }
}

impl From<RotateBody> for RotateDevice {
    fn from(body: RotateBody) -> Self {
        Self {
            kind: body.kind,
            secret: body.secret,
        }
    }
}

/// How many connections are being closed.
#[derive(Debug, Serialize, ToSchema)]
pub struct KickedView {
    pub connections: usize,
}

/// Which devices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDevices {
    /// At most 100.
    pub limit: Option<i64>,
    pub cursor: Option<String>,
    /// Removed ones too.
    #[serde(default)]
    pub removed: bool,
    /// Only those that are `active`, `blocked` or `removed`.
    #[param(inline)]
    pub status: Option<DeviceStatus>,
    /// Only those whose name begins like this, without regard to case; sorted by name.
    pub search: Option<String>,
    /// Only these fields of each, such as `id,name`.
    pub fields: Option<String>,
    /// How many there are in all, up to 10000.
    #[serde(default)]
    pub total: bool,
}

/// What a device is.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeviceStatus {
    Active,
    Blocked,
    Removed,
}

impl ListDevices {
    /// Which devices are meant.
    pub fn state(&self) -> State {
        match self.status {
            Some(DeviceStatus::Active) => State::Active,
            Some(DeviceStatus::Blocked) => State::Blocked,
            Some(DeviceStatus::Removed) => State::Removed,
            None if self.removed => State::Any,
            None => State::Live,
        }
    }
}

/// Of which node.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OfNode {
    /// Id or name; absent: all permitted ones, or the first of them.
    pub node: Option<String>,
}

/// Which configuration.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichConfig {
    /// Id or name; absent: the first permitted one.
    pub node: Option<String>,
    /// `hysteria` (the default) or `sing-box`.
    #[param(inline)]
    pub format: Option<ConfigFormat>,
}

/// For which client.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigFormat {
    #[default]
    Hysteria,
    SingBox,
}

/// Which picture.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichQr {
    /// Id or name; absent: the first permitted one.
    pub node: Option<String>,
    /// `svg` (the default) or `png`.
    #[param(inline)]
    pub format: Option<QrFormat>,
}

/// As which kind of picture.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QrFormat {
    #[default]
    Svg,
    Png,
}
