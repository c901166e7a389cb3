//! Coming in and going out.
use crate::{
    models::{Role, SessionId, SessionKind, UserId},
    services::logins::{Carried, LoggedIn},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
