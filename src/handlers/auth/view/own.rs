//! What a person sees and sets up of itself.
use crate::{
    models::{Role, SessionId, UserId},
    services::{
        callers::{Caller, SCOPES},
        logins::FactorState,
    },
};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
    /// Of the account; rises with each change, and is the `ETag`.
    pub version: Option<i64>,
}

impl MeView {
    /// Of a caller; the rest is known of people only.
    pub fn of(caller: &Caller, fresh: bool) -> Self {
        Self {
            principal: caller.name.clone(),
            user: caller.user_id,
            version: None,
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
