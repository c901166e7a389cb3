//! Coming in: a name and a password, then a one-time code where one is set up.
use super::{Carried, Door, Logins, Place, digest, fresh, limits::Failures, trace};
use crate::{
    admission::AddrKey,
    error::{Error, Result},
    keyring,
    models::{SessionId, SessionKind, User, UserId, UserNo},
    repositories::{
        factors,
        sessions::{self, NewSession},
        users,
    },
    services::store::leave,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long a code may be awaited after the password.
const CHALLENGE: TimeDelta = TimeDelta::minutes(5);
const CHALLENGE_PREFIX: &str = "hywarden_2fa_";

/// Somebody at the door.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Name or e-mail address.
    pub name: String,
    pub password: SecretString,
    /// A one-time code or a recovery code, if it is given at once.
    pub code: Option<String>,
    pub kind: SessionKind,
    pub place: Place,
}

/// Somebody inside.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    pub user: User,
    pub session: SessionId,
    pub carried: Carried,
    pub expires_at: DateTime<Utc>,
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    In(Box<LoggedIn>),
    /// The password was right; a code is needed, with this.
    Code {
        challenge: SecretString,
        expires_in: TimeDelta,
    },
}

/// What a challenge holds, sealed.
#[derive(Serialize, Deserialize)]
struct Challenge {
    user: UserId,
    cookie: bool,
    password_set_at: DateTime<Utc>,
    until: DateTime<Utc>,
}

const PLACE: keyring::Place<'static> = keyring::Place {
    table: "factors",
    column: "challenge",
    row: "",
};

impl Logins {
    /// Name and password, and a code if one is given.
    pub async fn login(&self, attempt: &Attempt) -> Result<Outcome> {
        let done = self.try_login(attempt).await;
        let result = match &done {
            Ok(Outcome::In(_)) => "ok",
            Ok(Outcome::Code { .. }) => "code_needed",
            Err(Error::BadLogin) => "bad",
            Err(Error::TooMany(_)) => "limited",
            Err(Error::Refused(..)) => "refused",
            Err(_) => "failed",
        };
        self.metrics.logins.with_label_values(&[result]).inc();
        done
    }

    async fn try_login(&self, attempt: &Attempt) -> Result<Outcome> {
        let addr = self.enter(&attempt.place).await?;
        let called = || Failures::Called(&attempt.name).lock(addr);
        self.limits.must_be_unlocked(called()).await?;
        // last: whoever is refused before takes nothing from the others
        self.limits.take(Door::Everybody).await?;
        let found = {
            let mut conn = self.store.conn().await?;
            factors::find(&mut conn, &attempt.name).await?
        };
        let stored = found
            .as_ref()
            .and_then(|(_, factors)| factors.as_ref()?.password_hash.as_deref());
        let verified = self.hasher.verify(&attempt.password, stored).await?;
        // others may have failed meanwhile: then this guess is none, whatever the password
        self.limits.must_be_unlocked(called()).await?;
        let account = || match &found {
            Some((user, _)) => Failures::Account(user.number).lock(addr),
            None => Failures::Nobody(&attempt.name).lock(addr),
        };
        // failures by another name of the account: its lock answers as a wrong password does
        let locked = self.limits.must_be_unlocked(account()).await.is_err();
        let live = found.as_ref().filter(|(user, _)| user.deleted_at.is_none());
        let (Some((user, Some(of))), true) = (live, verified.right && !locked) else {
            self.limits.failed(called()).await;
            self.limits.failed(account()).await;
            return Err(Error::BadLogin);
        };
        self.limits.take(Door::Proof(user.number)).await?;
        if user.suspended_at.is_some() {
            return Err(Error::Refused("suspended", "this account is suspended"));
        }
        if let (true, Some(old)) = (verified.outdated, of.password_hash.as_deref()) {
            let new = self.hasher.hash(&attempt.password).await?;
            let mut conn = self.store.conn().await?;
            factors::rehash(&mut conn, user.number, old, &new).await?;
        }
        self.limits.succeeded(called()).await;
        self.limits.succeeded(account()).await;
        if of.totp_sealed.is_some() {
            let Some(code) = &attempt.code else {
                let set_at = of.password_set_at.unwrap_or_default();
                self.was_no_guess(addr).await;
                return self.challenge(user.id, attempt.kind, set_at);
            };
            self.take_code(user.number, code).await?;
        }
        self.come_in(user.number, attempt.kind, &attempt.place)
            .await
    }

    /// The code that a challenge asked for.
    pub async fn answer(&self, challenge: &str, code: &str, place: &Place) -> Result<Outcome> {
        self.enter(place).await?;
        let challenge = self.opened(challenge).ok_or(Error::BadLogin)?;
        self.limits.take(Door::Everybody).await?;
        let user = {
            let mut conn = self.store.conn().await?;
            let named = crate::models::Named::Id(challenge.user.0);
            let user = users::find(&mut conn, &named)
                .await?
                .ok_or(Error::BadLogin)?;
            let of = factors::find_of(&mut conn, user.number).await?;
            let same = of.is_some_and(|of| of.password_set_at == Some(challenge.password_set_at));
            if !same || user.suspended_at.is_some() || user.deleted_at.is_some() {
                return Err(Error::BadLogin);
            }
            user.number
        };
        self.take_code(user, code).await?;
        let kind = if challenge.cookie {
            SessionKind::Cookie
        } else {
            SessionKind::Token
        };
        self.metrics.logins.with_label_values(&["ok"]).inc();
        self.come_in(user, kind, place).await
    }

    /// The door of the address.
    async fn enter(&self, place: &Place) -> Result<Option<AddrKey>> {
        let addr = place.addr.map(AddrKey::of);
        if let Some(addr) = addr {
            self.limits.take(Door::Login(addr)).await?;
        }
        Ok(addr)
    }

    async fn was_no_guess(&self, addr: Option<AddrKey>) {
        if let Some(addr) = addr {
            self.limits.give_back(Door::Login(addr)).await;
        }
    }

    fn challenge(
        &self,
        user: UserId,
        kind: SessionKind,
        password_set_at: DateTime<Utc>,
    ) -> Result<Outcome> {
        let challenge = Challenge {
            user,
            cookie: kind == SessionKind::Cookie,
            password_set_at,
            until: self.now() + CHALLENGE,
        };
        let text = serde_json::to_string(&challenge).map_err(|e| Error::Internal(e.into()))?;
        let sealed = self.keyring.seal(&PLACE, &text)?;
        Ok(Outcome::Code {
            challenge: format!(
                "{CHALLENGE_PREFIX}{}",
                BASE64_URL_SAFE_NO_PAD.encode(sealed)
            )
            .into(),
            expires_in: CHALLENGE,
        })
    }

    fn opened(&self, text: &str) -> Option<Challenge> {
        let sealed = BASE64_URL_SAFE_NO_PAD
            .decode(text.strip_prefix(CHALLENGE_PREFIX)?)
            .ok()?;
        let plain = self.keyring.open(&PLACE, &sealed).ok()?;
        let challenge: Challenge = serde_json::from_str(plain.expose_secret()).ok()?;
        (self.now() < challenge.until).then_some(challenge)
    }

    /// Everything was right: a new login, of which the person hears when it comes from somewhere new (L15).
    async fn come_in(&self, user: UserNo, kind: SessionKind, place: &Place) -> Result<Outcome> {
        let mut conn = self.store.conn().await?;
        let (made, new_place) = conn
            .transaction(async |conn| {
                let user = users::lock_number(conn, user).await?;
                if user.suspended_at.is_some() || user.deleted_at.is_some() {
                    return Err(Error::BadLogin);
                }
                self.open(conn, user, kind, place).await
            })
            .await?;
        drop(conn);
        self.was_no_guess(place.addr.map(AddrKey::of)).await;
        if new_place {
            self.mail.new_place(&made.user);
        }
        Ok(Outcome::In(Box::new(made)))
    }

    /// Opens a login in the transaction that made sure of the person; says whether its place is a new one.
    pub(super) async fn open(
        &self,
        conn: &mut AsyncPgConnection,
        user: User,
        kind: SessionKind,
        place: &Place,
    ) -> Result<(LoggedIn, bool)> {
        let (now, clock) = (self.now(), &*self.store.clock);
        let (any, here) = sessions::known_places(conn, user.number, place.network()).await?;
        let id = SessionId(clock.uuid());
        let secret = match kind {
            SessionKind::Cookie => fresh(clock, ""),
            SessionKind::Token => fresh(clock, super::refresh::REFRESH_PREFIX),
        };
        let hash = digest(&secret);
        let session = NewSession {
            id,
            user_no: user.number,
            kind,
            cookie_hash: (kind == SessionKind::Cookie).then_some(hash.as_slice()),
            created_at: now,
            fresh_at: now,
            used_at: now,
            expires_at: now + self.settings.lifetime,
            addr: place.net(),
            opened_from: place.network(),
            user_agent: &place.user_agent,
        };
        let session = sessions::insert(conn, &session).await?;
        if kind == SessionKind::Token {
            sessions::insert_refresh(&*conn, &hash, id, now).await?;
        }
        let principal = format!("user:{}", user.id);
        let new_place = any && !here;
        let what = if new_place {
            ("auth.login", "auth.login_new_location")
        } else {
            ("auth.login", "auth.login")
        };
        let detail = json!({ "session": id, "kind": kind });
        leave(conn, trace(&principal, what, &user, now).with(detail)).await?;
        let carried = self.carry(&user, id, kind, secret)?;
        let made = LoggedIn {
            session: id,
            carried,
            expires_at: session.expires_at,
            user,
        };
        Ok((made, new_place))
    }
}
