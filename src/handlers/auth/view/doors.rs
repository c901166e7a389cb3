//! Invitations, registration, the first superadmin, lost passwords.
use crate::{
    models::Role,
    services::logins::{Invite, InviteSecret},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Who forgot a password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgotBody {
    /// The e-mail address, or the user's name.
    #[serde(alias = "name", alias = "username")]
    pub email: String,
}

/// A new password by a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetBody {
    /// What stands behind `#` in the link.
    pub token: String,
    #[serde(alias = "new_password")]
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// Somebody who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    #[serde(alias = "username")]
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    pub email: Option<String>,
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
    /// What stands behind `#` in an invitation's link.
    #[schema(value_type = Option<String>)]
    pub invite: Option<SecretString>,
}

/// The first superadmin.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupBody {
    /// What stands behind `#` in the link.
    pub token: String,
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    pub email: Option<String>,
    /// At least 12 characters.
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
}

/// What an invitation gives.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInviteBody {
    /// Only for this address.
    pub email: Option<String>,
    /// `user` when nothing is said; nothing that the caller could not make itself.
    pub role: Option<Role>,
    /// Bytes; absent or `null`: unlimited.
    #[schema(minimum = 0)]
    pub quota: Option<i64>,
    /// Seconds that the account is valid; absent or `null`: for ever.
    #[schema(minimum = 1)]
    pub valid_for: Option<i64>,
    #[serde(default)]
    #[schema(max_length = 4096)]
    pub note: String,
    /// Seconds that the invitation is valid.
    #[schema(minimum = 1)]
    pub expires_in: Option<i64>,
}

/// An invitation.
#[derive(Serialize, ToSchema)]
pub struct InviteView {
    pub id: Uuid,
    pub email: Option<String>,
    pub role: Role,
    pub quota: Option<i64>,
    pub valid_for: Option<i64>,
    pub note: String,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl From<Invite> for InviteView {
    fn from(invite: Invite) -> Self {
        Self {
            id: invite.id,
            email: invite.email,
            role: invite.role,
            quota: invite.quota,
            valid_for: invite.valid_for_seconds,
            note: invite.note,
            created_by: invite.created_by,
            created_at: invite.created_at,
            expires_at: invite.expires_at,
            used_at: invite.used_at,
            revoked_at: invite.revoked_at,
        }
    }
}

/// An invitation with its secret, shown this once.
#[derive(Serialize, ToSchema)]
pub struct InviteSecretView {
    #[serde(flatten)]
    pub invite: InviteView,
    /// What registers.
    pub secret: String,
    /// The same as a link.
    pub url: String,
}

impl From<InviteSecret> for InviteSecretView {
    fn from(made: InviteSecret) -> Self {
        Self {
            invite: made.invite.into(),
            secret: made.secret.expose_secret().to_owned(),
            url: made.url.expose_secret().to_owned(),
        }
    }
}
