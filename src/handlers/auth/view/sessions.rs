//! Logins, seen and ended.
use crate::{
    models::{Session, SessionId, SessionKind},
    services::{
        callers::Caller,
        logins::{PasswordLink, SetupLink},
    },
};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;

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

/// A link, shown this once.
#[derive(Serialize, ToSchema)]
pub struct PasswordLinkView {
    pub url: String,
    pub expires_at: DateTime<Utc>,
}

impl From<PasswordLink> for PasswordLinkView {
    fn from(link: PasswordLink) -> Self {
        Self {
            url: link.url.expose_secret().to_owned(),
            expires_at: link.expires_at,
        }
    }
}

impl From<SetupLink> for PasswordLinkView {
    fn from(link: SetupLink) -> Self {
        Self {
            url: link.url.expose_secret().to_owned(),
            expires_at: link.expires_at,
        }
    }
}
