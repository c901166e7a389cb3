//! What logins look like over HTTP.
use crate::{
    models::{Role, Session, SessionId, SessionKind, UserId},
    services::{
        callers::{Caller, SCOPES},
        logins::{Carried, FactorState, Invite, InviteSecret, LoggedIn},
    },
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a client holds to go on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    /// The user's name or e-mail address.
    #[serde(alias = "username", alias = "email")]
    pub name: String,
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
    /// A one-time code or a recovery code, if the account has a second factor; else it is asked for.
    pub code: Option<String>,
    /// `token` (the default): an access token and a refresh token. `cookie`: for a browser, two cookies.
    #[serde(default = "token")]
    pub session: SessionKind,
}

fn token() -> SessionKind {
    SessionKind::Token
}

/// A code that was asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// What came with the question.
    pub challenge: String,
    /// A one-time code or a recovery code.
    pub code: String,
}

/// Somebody is in.
#[derive(Serialize, ToSchema)]
pub struct LoginView {
    pub user: UserId,
    pub name: String,
    pub role: Role,
    pub session: SessionId,
    /// The login ends then, however much it is used.
    pub expires_at: DateTime<Utc>,
    #[serde(flatten)]
    pub held: HeldView,
}

/// What is held: tokens, or of a browser what its pages send as `X-CSRF-Token`.
#[derive(Serialize, ToSchema)]
pub struct HeldView {
    /// Goes into `Authorization: Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<i64>,
    /// Exchanged for the next pair; each once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf_token: Option<String>,
}

impl From<&Carried> for HeldView {
    fn from(carried: &Carried) -> Self {
        let shown = |secret: &SecretString| Some(secret.expose_secret().to_owned());
        match carried {
            Carried::Cookie { csrf, .. } => Self {
                access_token: None,
                token_type: None,
                expires_in: None,
                refresh_token: None,
                csrf_token: shown(csrf),
            },
            Carried::Tokens {
                access,
                refresh,
                expires_in,
            } => Self {
                access_token: shown(access),
                token_type: Some("Bearer"),
                expires_in: Some(expires_in.num_seconds()),
                refresh_token: shown(refresh),
                csrf_token: None,
            },
        }
    }
}

impl From<&LoggedIn> for LoginView {
    fn from(made: &LoggedIn) -> Self {
        Self {
            user: made.user.id,
            name: made.user.name.clone(),
            role: made.user.role,
            session: made.session,
            expires_at: made.expires_at,
            held: (&made.carried).into(),
        }
    }
}

/// The password was right; a code is needed.
#[derive(Serialize, ToSchema)]
pub struct ChallengeView {
    /// Goes back with the code. It opens nothing else.
    pub challenge: String,
    /// Seconds.
    pub expires_in: i64,
}

/// A token to be exchanged, or ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshBody {
    pub refresh_token: String,
}

/// A login to be ended: without a token the caller's own.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogoutBody {
    pub refresh_token: Option<String>,
}

/// Who asks.
#[derive(Serialize, ToSchema)]
pub struct MeView {
    /// As it stands in the audit.
    pub principal: String,
    pub user: Option<UserId>,
    pub name: Option<String>,
    pub email: Option<String>,
    pub role: Option<Role>,
    pub session: Option<SessionId>,
    /// What it may do, whoever's objects they are. Beside that a person may act on what is its own.
    pub scopes: Vec<&'static str>,
    pub totp: bool,
    /// Whether it has proved lately enough who it is to change by what it proves it.
    pub fresh: bool,
}

impl MeView {
    /// Of a caller; the rest is known of people only.
    pub fn of(caller: &Caller, fresh: bool) -> Self {
        Self {
            principal: caller.name.clone(),
            user: caller.user_id,
            name: None,
            email: None,
            role: caller.role,
            session: caller.login,
            scopes: SCOPES
                .iter()
                .copied()
                .filter(|scope| caller.holds(scope))
                .collect(),
            totp: false,
            fresh,
        }
    }
}

/// A login.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    pub id: SessionId,
    pub kind: SessionKind,
    /// The one that asks.
    pub current: bool,
    pub created_at: DateTime<Utc>,
    /// To the minute.
    pub used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// From where it was last used.
    pub addr: Option<String>,
    pub user_agent: String,
}

impl SessionView {
    /// As the caller sees it.
    pub fn of(session: Session, by: &Caller) -> Self {
        Self {
            current: by.login == Some(session.id),
            id: session.id,
            kind: session.kind,
            created_at: session.created_at,
            used_at: session.used_at,
            expires_at: session.expires_at,
            addr: session.addr.map(|net| net.addr().to_string()),
            user_agent: session.user_agent,
        }
    }
}

/// How many logins ended.
#[derive(Serialize, ToSchema)]
pub struct EndedView {
    pub ended: usize,
}

/// What a person has set up.
#[derive(Serialize, ToSchema)]
pub struct FactorsView {
    pub password: bool,
    /// Since when codes are asked for.
    pub totp_since: Option<DateTime<Utc>>,
    /// How many are left.
    pub recovery_codes: i64,
}

impl From<FactorState> for FactorsView {
    fn from(state: FactorState) -> Self {
        Self {
            password: state.password,
            totp_since: state.totp_since,
            recovery_codes: state.recovery_codes,
        }
    }
}

/// A seed that waits for its first code.
#[derive(Serialize, ToSchema)]
pub struct EnrolmentView {
    /// To be typed.
    pub secret: String,
    /// To be shown as a QR code.
    pub uri: String,
}

/// Recovery codes, shown this once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodesView {
    pub recovery_codes: Vec<String>,
}

impl From<Vec<String>> for RecoveryCodesView {
    fn from(recovery_codes: Vec<String>) -> Self {
        Self { recovery_codes }
    }
}

/// A code, where one is needed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MaybeCodeBody {
    /// Of the factor that is in force.
    pub code: Option<String>,
}

/// A code.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneCodeBody {
    pub code: String,
}

/// Proof of who somebody is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofBody {
    #[schema(value_type = String, format = Password)]
    pub password: SecretString,
    /// Needed where there is a second factor.
    pub code: Option<String>,
}

/// What a person may change of its own account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMeBody {
    /// Where a lost password is mended; `null` removes it.
    #[serde(default, deserialize_with = "crate::handlers::json::nullable")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
}

/// A new password for an old one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePasswordBody {
    #[serde(alias = "old_password")]
    #[schema(value_type = String, format = Password)]
    pub current_password: SecretString,
    #[schema(value_type = String, format = Password)]
    pub new_password: SecretString,
    /// Needed where there is a second factor.
    pub code: Option<String>,
}

/// A password that an admin sets.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPasswordBody {
    #[schema(value_type = String, format = Password)]
    pub new_password: SecretString,
}

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

/// A link, shown this once.
#[derive(Serialize, ToSchema)]
pub struct PasswordLinkView {
    pub url: String,
    pub expires_at: DateTime<Utc>,
}

/// Somebody who wants an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterBody {
    #[serde(alias = "username")]
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
    pub quota: Option<i64>,
    /// Seconds that the account is valid; absent or `null`: for ever.
    pub valid_for: Option<i64>,
    #[serde(default)]
    pub note: String,
    /// Seconds that the invitation is valid.
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
