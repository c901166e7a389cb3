//! What a user looks like, and what one is made and changed with.
use crate::{
    handlers::{devices::DeviceSecretView, json::nullable},
    models::{Role, Status, UserId, Window},
    services::{
        audit::AuditDetail,
        users::{CreateUser, EditUser, Explained, Refusal, Sort, UserDetail},
    },
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::{IntoParams, ToSchema};

/// A user. Byte values are whole numbers, both directions together.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    pub id: UserId,
    pub name: String,
    /// Computed, the first that holds: deleted, suspended, expired, limited, on_hold, active.
    pub status: Status,
    pub role: Role,
    /// Where a lost password is mended.
    pub email: Option<String>,
    pub note: String,
    /// Bytes a window; `null`: unlimited.
    pub quota: Option<i64>,
    pub window: Window,
    /// Bytes of the present window.
    pub used: i64,
    /// Bytes ever.
    pub used_total: i64,
    pub window_started_at: DateTime<Utc>,
    /// `null`: never, or not yet known of a user on hold.
    pub expires_at: Option<DateTime<Utc>>,
    /// First admission.
    pub activated_at: Option<DateTime<Utc>>,
    /// Its clock starts at the first admission.
    pub on_hold: bool,
    /// Of a user on hold: seconds from the first admission to the expiry.
    pub valid_for: Option<i64>,
    /// Registered devices at most; `null`: unlimited.
    pub device_limit: Option<i32>,
    /// Devices online at once at most; `null`: unlimited.
    pub online_limit: Option<i32>,
    pub groups: Vec<String>,
    /// The plan it was given last.
    pub plan: Option<String>,
    pub suspended_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    /// Rises with each change that people make; in quotes it is the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl UserView {
    /// What `fields` may name.
    pub const FIELDS: &[&str] = &[
        "id",
        "name",
        "status",
        "role",
        "email",
        "note",
        "quota",
        "window",
        "used",
        "used_total",
        "window_started_at",
        "expires_at",
        "activated_at",
        "on_hold",
        "valid_for",
        "device_limit",
        "online_limit",
        "groups",
        "plan",
        "suspended_at",
        "deleted_at",
        "version",
        "created_at",
        "updated_at",
    ];
}

impl From<UserDetail> for UserView {
    fn from(detail: UserDetail) -> Self {
        let user = detail.user;
        Self {
            on_hold: user.is_on_hold(),
            id: user.id,
            name: user.name,
            status: detail.status,
            role: user.role,
            email: user.email,
            note: user.note,
            quota: user.quota,
            window: user.quota_window,
            used: user.used,
            used_total: user.used_total,
            window_started_at: user.window_started_at,
            expires_at: user.expires_at,
            activated_at: user.activated_at,
            valid_for: user.valid_for_seconds,
            device_limit: user.device_limit,
            online_limit: user.online_limit,
            groups: detail.groups,
            plan: detail.plan,
            suspended_at: user.suspended_at,
            deleted_at: user.deleted_at,
            version: user.version,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// What a user is made with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUserBody {
    /// Unique without regard to case; 1 to 64 characters, none of them invisible.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    pub role: Option<Role>,
    /// Where a lost password is mended.
    pub email: Option<String>,
    #[serde(default)]
    #[schema(max_length = 4096)]
    pub note: String,
    /// Bytes a window, both directions together; absent or `null`: unlimited.
    #[schema(minimum = 0)]
    pub quota: Option<i64>,
    pub window: Option<Window>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Seconds from now, or from the first admission of a user on hold.
    #[serde(alias = "valid_for")]
    #[schema(minimum = 1)]
    pub expires_in: Option<i64>,
    #[serde(default)]
    pub on_hold: bool,
    /// Registered devices at most; absent or `null`: unlimited.
    #[schema(minimum = 0)]
    pub device_limit: Option<i32>,
    /// Devices online at once at most; absent or `null`: unlimited.
    #[schema(minimum = 0)]
    pub online_limit: Option<i32>,
    /// Absent: the group `default`.
    #[schema(max_items = 100)]
    pub groups: Option<Vec<String>>,
    /// A plan by id or name, whose limits go before those that stand beside it.
    pub plan: Option<String>,
}

impl From<CreateUserBody> for CreateUser {
    fn from(body: CreateUserBody) -> Self {
        Self {
            name: body.name,
            role: body.role,
            email: body.email,
            note: body.note,
            quota: body.quota,
            window: body.window,
            expires_at: body.expires_at,
            expires_in: body.expires_in,
            on_hold: body.on_hold,
            device_limit: body.device_limit,
            online_limit: body.online_limit,
            groups: body.groups,
            plan: body.plan,
        }
    }
}

/// What to change of a user; absent leaves, `null` removes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditUserBody {
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    pub role: Option<Role>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    #[schema(max_length = 4096)]
    pub note: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub quota: Option<Option<i64>>,
    pub window: Option<Window>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub expires_at: Option<Option<DateTime<Utc>>>,
    /// Seconds from now, or from the first admission of a user on hold.
    #[serde(alias = "valid_for")]
    #[schema(minimum = 1)]
    pub expires_in: Option<i64>,
    /// `false` starts the clock of a user on hold now.
    pub on_hold: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i32>, minimum = 0)]
    pub device_limit: Option<Option<i32>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i32>, minimum = 0)]
    pub online_limit: Option<Option<i32>>,
}

impl From<EditUserBody> for EditUser {
    fn from(body: EditUserBody) -> Self {
        Self {
            name: body.name,
            role: body.role,
            email: body.email,
            note: body.note,
            quota: body.quota,
            window: body.window,
            expires_at: body.expires_at,
            expires_in: body.expires_in,
            on_hold: body.on_hold,
            device_limit: body.device_limit,
            online_limit: body.online_limit,
            reset: false,
        }
    }
}

/// Which users.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListUsers {
    /// At most 100.
    pub limit: Option<i64>,
    pub cursor: Option<String>,
    /// `id` (the default), `name`, `created_at`, or `expires_at`, which leaves out those who never expire.
    #[param(value_type = Option<String>)]
    pub sort: Option<Sort>,
    /// Only those with this status; without it all that are not deleted.
    pub status: Option<Status>,
    /// Only members of this group, by id or name; in the order of their making unless a sort is asked for.
    pub group: Option<String>,
    /// Only those whose name begins like this, without regard to case; sorted by name.
    pub search: Option<String>,
    /// Only these fields of each, such as `id,name`.
    pub fields: Option<String>,
    /// How many there are in all, up to 10000.
    #[serde(default)]
    pub total: bool,
}

/// How a user is deleted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteUser {
    /// Erase for ever: devices removed, personal fields emptied, the name free; number and sums stay.
    #[serde(default)]
    pub hard: bool,
}

/// A user's own rule for a node.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleBody {
    pub effect: Effect,
}

/// What the rule says, whatever the groups do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Allow,
    Deny,
}

/// One refused login.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalView {
    pub at: DateTime<Utc>,
    /// One of the decision codes.
    pub code: &'static str,
    /// The node's name.
    pub node: Option<String>,
    /// The device's name.
    pub device: Option<String>,
    pub device_id: Option<crate::models::DeviceId>,
    /// Where the client was.
    #[schema(value_type = Option<String>)]
    pub addr: Option<IpAddr>,
    /// Of an unknown credential: the beginning of its keyed hash, enough to tell two apart.
    pub credential: Option<String>,
}

impl From<Refusal> for RefusalView {
    fn from(refusal: Refusal) -> Self {
        let (device_id, device) = refusal.device.unzip();
        Self {
            at: refusal.at,
            code: refusal.code.as_str(),
            node: refusal.node,
            device,
            device_id,
            addr: refusal.addr,
            credential: refusal.prefix.map(|prefix| format!("{prefix:08x}")),
        }
    }
}

/// Why a user is refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainView {
    /// The user's name.
    pub user: String,
    pub user_id: UserId,
    pub status: Status,
    /// The last ones, newest first, as far as this instance remembers.
    pub refusals: Vec<RefusalView>,
}

impl From<Explained> for ExplainView {
    fn from(explained: Explained) -> Self {
        Self {
            user_id: explained.user.user.id,
            user: explained.user.user.name,
            status: explained.user.status,
            refusals: explained.refusals.into_iter().map(Into::into).collect(),
        }
    }
}

/// A user's quota.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuotaBody {
    /// Bytes a window, both directions together; `null`: unlimited.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required, minimum = 0)]
    pub quota: Option<i64>,
    /// Absent: as it is.
    pub window: Option<Window>,
    /// Start the window now: what was used so far no longer counts.
    #[serde(default)]
    pub reset: bool,
}

/// A user's plan.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanOfBody {
    /// Id or name; `null`: none.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required)]
    pub plan: Option<String>,
}

/// The secrets of a user's devices.
#[derive(Serialize, ToSchema)]
pub struct CredentialsView {
    pub items: Vec<DeviceSecretView>,
}

/// What somebody did.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditRowView {
    pub number: i64,
    /// Who: `user:<id>`, `token:<id>`, `cli:<uid>`.
    pub principal: String,
    /// What, such as `device.block`.
    pub action: String,
    /// To what, such as `device:<id>`.
    pub subject: String,
    /// The new values, without secrets.
    pub detail: serde_json::Value,
    /// Personal values, for who holds `audit:read`; gone once the user is erased.
    pub personal: Option<serde_json::Value>,
    pub at: DateTime<Utc>,
}

impl From<AuditDetail> for AuditRowView {
    fn from(row: AuditDetail) -> Self {
        let AuditDetail {
            entry, personal, ..
        } = row;
        Self {
            number: entry.number,
            principal: entry.principal,
            action: entry.action,
            subject: entry.subject,
            detail: entry.detail,
            personal,
            at: entry.at,
        }
    }
}
