//! People who log in: with a password and a one-time code, by a cookie or by tokens that are refreshed; invitations, links
//! to a new password, and the first superadmin. Here are who may come in, what carries a login, and what ends it.
mod access;
mod carrier;
mod factors;
mod hasher;
mod invites;
mod limits;
mod login;
mod mail;
mod password;
mod passwords;
mod refresh;
mod register;
mod revocations;
mod sessions;
mod setup;
mod standing;
mod totp;

pub use crate::repositories::invites::Invite;
pub use access::Access;
pub use carrier::{Carried, Place, must_be_said};
pub use factors::{Enrolment, FactorState};
pub use hasher::{Hasher, HasherSettings};
pub use invites::{CreateInvite, InviteSecret};
pub use limits::{Door, LimitSettings, Limits};
pub use login::{Attempt, LoggedIn, Outcome};
pub use mail::Mailer;
pub use passwords::PasswordLink;
pub use register::Register;
pub use revocations::{Revocations, Revoked};
pub use setup::{SetupLink, make_link};

use crate::{
    admission::base::push_base32,
    clock::{Clock, random},
    keyring::{Keyring, Place as SealPlace},
    services::{
        post::Post,
        store::{Store, Trace},
        users::Users,
    },
    telemetry::Metrics,
};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use url::Url;

/// Who may make an account for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    Off,
    Invite,
    Open,
}

/// What an operator set.
#[derive(Clone, Debug)]
pub struct LoginSettings {
    pub registration: Registration,
    /// Bytes.
    pub registration_quota: i64,
    pub idle: TimeDelta,
    pub lifetime: TimeDelta,
    pub invite_lifetime: TimeDelta,
    /// Where people reach the panel; links begin with it, never with what a request calls us (L12).
    pub base: Url,
}

/// The service.
#[derive(Clone)]
pub struct Logins {
    pub store: Store,
    pub users: Users,
    pub keyring: Arc<Keyring>,
    pub hasher: Arc<Hasher>,
    pub limits: Arc<Limits>,
    pub access: Arc<Access>,
    pub revocations: Arc<Revocations>,
    pub mail: Post,
    pub settings: Arc<LoginSettings>,
    pub metrics: Metrics,
}

impl Logins {
    fn now(&self) -> DateTime<Utc> {
        self.store.clock.now()
    }

    /// A link into the panel; what follows `#` is never sent to any server.
    fn link(&self, page: &str, secret: &str) -> SecretString {
        let base = self.settings.base.as_str().trim_end_matches('/');
        format!("{base}/{page}#{secret}").into()
    }
}

/// A fresh secret of 256 bits behind a prefix that says what it is.
fn fresh(clock: &dyn Clock, prefix: &str) -> String {
    let mut text = prefix.to_owned();
    push_base32(&mut text, &random::<32>(clock));
    text
}

/// What is stored of a secret of ours: it has 256 random bits, so one hash is enough.
fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// Where a person's factors are sealed.
fn seal_place<'a>(column: &'static str, row: &'a str) -> SealPlace<'a> {
    SealPlace {
        table: "factors",
        column,
        row,
    }
}

/// The traces of what happens to a person's logins.
fn trace<'a>(
    principal: &'a str,
    what: (&'static str, &'static str),
    user: &crate::models::User,
    at: DateTime<Utc>,
) -> Trace<'a> {
    let mut trace = Trace::new(principal, what, format!("user:{}", user.id), at);
    trace.user = Some(user.number);
    trace
}
