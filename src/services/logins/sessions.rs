//! What carries a login from request to request, and what ends it.
use super::{Logins, access::Claims, digest, fresh, standing::Standing, trace};
use crate::{
    error::{Error, Result},
    keyring,
    models::{Ended, Named, Session, SessionId, SessionKind, User, UserNo},
    repositories::{
        sessions::{self, RefreshToken},
        users,
    },
    services::{
        callers::{Caller, Whose},
        store::leave,
    },
};
use chrono::TimeDelta;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// How a refresh token begins.
pub(super) const REFRESH_PREFIX: &str = "hywarden_rt_";
/// For how long a used token gets the same successor again, as long as nobody used that: the answer may have been lost
/// (S4).
const GRACE: TimeDelta = TimeDelta::seconds(30);
/// How old a noted use may grow before it is noted again.
const USE_NOTED: TimeDelta = TimeDelta::minutes(1);
/// Of what a client calls itself.
const USER_AGENT: usize = 256;

/// From where somebody speaks.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub addr: Option<IpAddr>,
    pub user_agent: String,
}

impl Place {
    /// Cut to what is stored.
    pub fn new(addr: Option<IpAddr>, user_agent: &str) -> Self {
        let plain = user_agent.chars().filter(|c| !c.is_control());
        Self {
            addr,
            user_agent: plain.take(USER_AGENT).collect(),
        }
    }

    /// An address as it is stored.
    pub(super) fn net(&self) -> Option<IpNet> {
        self.addr.map(IpNet::from)
    }
}

/// What the person's client holds.
#[derive(Clone, Debug)]
pub enum Carried {
    /// A browser: the cookie, and what it must send beside it with everything that changes something.
    Cookie {
        cookie: SecretString,
        csrf: SecretString,
    },
    /// Tokens.
    Tokens {
        access: SecretString,
        refresh: SecretString,
        expires_in: TimeDelta,
    },
}

/// What a cookie must prove beside itself.
#[derive(Clone, Copy, Debug)]
pub struct CookieCheck<'a> {
    /// The request may change something.
    pub unsafe_method: bool,
    /// What stands in the header for it.
    pub csrf: Option<&'a str>,
}

impl Logins {
    /// Who speaks by this access token.
    pub async fn authenticate(&self, token: &str, place: &Place) -> Result<Caller> {
        let claims = self.access.verify(token, self.now());
        let claims = claims.ok_or(Error::Unauthenticated)?;
        let standing = self.standing(claims.session, place).await?;
        if standing.user_id != claims.user || standing.session.kind != SessionKind::Token {
            return Err(Error::Unauthenticated);
        }
        Ok(caller(&standing))
    }

    /// Who speaks by this cookie.
    pub async fn authenticate_cookie(
        &self,
        cookie: &str,
        check: CookieCheck<'_>,
        place: &Place,
    ) -> Result<Caller> {
        let (id, secret) = split(cookie).ok_or(Error::Unauthenticated)?;
        let belongs = |standing: &Standing| {
            let hash = standing.session.cookie_hash.as_deref().unwrap_or_default();
            bool::from(digest(secret).ct_eq(hash))
        };
        let mut standing = self.standing(id, place).await?;
        if !belongs(&standing) {
            // it may have been renewed on another instance a moment ago
            self.revocations.standings.forget_session(id);
            standing = self.standing(id, place).await?;
        }
        if !belongs(&standing) {
            return Err(Error::Unauthenticated);
        }
        let said = check.csrf.unwrap_or_default().as_bytes();
        if check.unsafe_method && !bool::from(csrf_of(secret).as_bytes().ct_eq(said)) {
            return Err(Error::Refused(
                "csrf",
                "send what stands in the cookie __Host-hywarden_csrf as X-CSRF-Token",
            ));
        }
        Ok(caller(&standing))
    }

    /// The caller of a login as it is now, for what holds one open.
    pub async fn again(&self, login: SessionId) -> Result<Caller> {
        let standing = self.standing(login, &Place::default()).await?;
        Ok(caller(&standing))
    }

    async fn standing(&self, id: SessionId, place: &Place) -> Result<Standing> {
        let (now, idle) = (self.now(), self.settings.idle);
        let standing = match self.revocations.standings.get(id) {
            Ok(standing) => standing,
            Err(epoch) => {
                let mut conn = self.store.conn().await?;
                let (session, user) = sessions::find(&mut conn, id)
                    .await?
                    .ok_or(Error::Unauthenticated)?;
                let mut standing = Standing::of(session, &user);
                if standing.is_live(now, idle) && now - standing.session.used_at >= USE_NOTED {
                    let net = place.net().or(standing.session.addr);
                    sessions::touch(&mut conn, id, net, now).await?;
                    standing.session.used_at = now;
                }
                self.revocations.standings.keep(&standing, epoch);
                standing
            }
        };
        if standing.is_live(now, idle) {
            Ok(standing)
        } else {
            Err(Error::Unauthenticated)
        }
    }

    /// What a new login, or a fresh proof, gives the client to hold.
    pub(super) fn carry(
        &self,
        user: &User,
        id: SessionId,
        kind: SessionKind,
        secret: String,
    ) -> Result<Carried> {
        Ok(match kind {
            SessionKind::Cookie => Carried::Cookie {
                csrf: csrf_of(&secret).into(),
                cookie: format!("{}.{secret}", id.0.simple()).into(),
            },
            SessionKind::Token => Carried::Tokens {
                access: self.mint(user, id)?,
                refresh: secret.into(),
                expires_in: self.access.lifetime(),
            },
        })
    }

    fn mint(&self, user: &User, id: SessionId) -> Result<SecretString> {
        let claims = Claims {
            user: user.id,
            session: id,
        };
        Ok(self.access.mint(claims, self.now())?.into())
    }

    /// Exchanges a refresh token. One that was exchanged before gets the same successor again for 30 s, unless that was
    /// used: then, or later, somebody holds a copy, and the login ends (S4).
    pub async fn refresh(&self, token: &str) -> Result<(User, Carried)> {
        if !token.starts_with(REFRESH_PREFIX) || token.len() > 128 {
            return Err(Error::Unauthenticated);
        }
        let now = self.now();
        let hash = digest(token);
        let mut conn = self.store.conn().await?;
        let done = conn
            .transaction(async |conn| self.exchange(conn, &hash).await)
            .await?;
        match done {
            Exchanged::Next(user, session, secret) => {
                let carried = self.carry(&user, session, SessionKind::Token, secret)?;
                Ok((*user, carried))
            }
            Exchanged::Copied(user) => {
                self.store.caught_up(conn).await?;
                tracing::warn!(user = user.0, at = %now, "a refresh token came twice: its login ended");
                Err(Error::Unauthenticated)
            }
        }
    }

    async fn exchange(&self, conn: &mut AsyncPgConnection, hash: &[u8]) -> Result<Exchanged> {
        let now = self.now();
        let found = sessions::find_refresh(conn, hash).await?;
        let session = found.ok_or(Error::Unauthenticated)?.session;
        let session = sessions::lock(conn, session)
            .await?
            .ok_or(Error::Unauthenticated)?;
        // read again: under the lock it says what the others before us did
        let token = sessions::find_refresh(conn, hash).await?;
        let token = token.ok_or(Error::Unauthenticated)?;
        let user = users::find_number(conn, session.user_no).await?;
        let user = user.ok_or(Error::Unauthenticated)?;
        if !Standing::of(session.clone(), &user).is_live(now, self.settings.idle) {
            return Err(Error::Unauthenticated);
        }
        if let Some(used_at) = token.used_at {
            if now - used_at <= GRACE
                && let Some(again) = self.successor(conn, &token).await?
            {
                return Ok(Exchanged::Next(Box::new(user), session.id, again));
            }
            sessions::end(conn, user.number, session.id, Ended::Reuse, now).await?;
            let what = ("auth.reuse", "auth.refresh_reused");
            let trace = trace("system", what, &user, now).user(user.number);
            leave(conn, trace.with(json!({ "session": session.id }))).await?;
            return Ok(Exchanged::Copied(user.number));
        }
        let next = fresh(&*self.store.clock, REFRESH_PREFIX);
        let successor = digest(&next);
        let row = session.id.to_string();
        let sealed = self.keyring.seal(&place(&row), &next)?;
        sessions::exchange(conn, &token, &successor, &sealed, now).await?;
        sessions::touch(conn, session.id, session.addr, now).await?;
        Ok(Exchanged::Next(Box::new(user), session.id, next))
    }

    /// What a used token was exchanged for, if nobody has used that yet.
    async fn successor(
        &self,
        conn: &mut AsyncPgConnection,
        token: &RefreshToken,
    ) -> Result<Option<String>> {
        let (Some(next), Some(sealed)) = (&token.successor, &token.successor_sealed) else {
            return Ok(None);
        };
        let next = sessions::find_refresh(conn, next).await?;
        if next.is_none_or(|next| next.used_at.is_some()) {
            return Ok(None);
        }
        let row = token.session.to_string();
        let opened = self.keyring.open(&place(&row), sealed)?;
        Ok(Some(opened.expose_secret().to_owned()))
    }

    /// Ends the caller's login.
    pub async fn logout(&self, by: &Caller) -> Result<()> {
        let (Some(user), Some(login)) = (by.user, by.login) else {
            return Err(Error::NeedsLogin);
        };
        self.end(by, user, login, Ended::Logout).await?;
        Ok(())
    }

    /// Ends the login of a refresh token: logging out when the access token has lapsed. Says nothing of tokens it does not
    /// know.
    pub async fn logout_by(&self, token: &str) -> Result<()> {
        let mut conn = self.store.conn().await?;
        let Some(found) = sessions::find_refresh(&mut conn, &digest(token)).await? else {
            return Ok(());
        };
        let Some((session, user)) = sessions::find(&mut conn, found.session).await? else {
            return Ok(());
        };
        drop(conn);
        let by = Caller::trusted(format!("user:{}", user.id));
        match self.end(&by, user.number, session.id, Ended::Logout).await {
            Ok(_) | Err(Error::NotFound(_)) => Ok(()),
            Err(why) => Err(why),
        }
    }

    /// The user that a caller may look at.
    async fn whose(&self, whose: Whose, who: &Named) -> Result<User> {
        let mut conn = self.store.conn().await?;
        let user = users::find(&mut conn, who).await?;
        user.filter(|user| whose.covers(user.number))
            .ok_or(Error::NotFound("user"))
    }

    /// One page of a person's logins, newest first.
    pub async fn list(
        &self,
        whose: Whose,
        who: &Named,
        before: Option<SessionId>,
        limit: i64,
    ) -> Result<Vec<Session>> {
        let user = self.whose(whose, who).await?;
        let now = self.now();
        let mut conn = self.store.conn().await?;
        let used_after = now - self.settings.idle;
        Ok(sessions::list(&mut conn, user.number, used_after, now, before, limit).await?)
    }

    /// Ends one login of a person.
    pub async fn revoke(
        &self,
        by: &Caller,
        whose: Whose,
        who: &Named,
        login: SessionId,
    ) -> Result<Session> {
        let user = self.whose(whose, who).await?;
        if by.user != Some(user.number) {
            by.must_manage(user.role)?;
        }
        self.end(by, user.number, login, Ended::Revoked).await
    }

    /// Ends all logins of a person but the caller's own; says how many.
    pub async fn revoke_others(&self, by: &Caller, whose: Whose, who: &Named) -> Result<usize> {
        let now = self.now();
        let user = self.whose(whose, who).await?;
        if by.user != Some(user.number) {
            by.must_manage(user.role)?;
        }
        let mut conn = self.store.conn().await?;
        let ended = conn
            .transaction(async |conn| {
                let but = by.login;
                let ended =
                    sessions::end_others(conn, user.number, but, Ended::Revoked, now).await?;
                let what = ("auth.revoke_all", "auth.sessions_revoked");
                let trace = trace(&by.name, what, &user, now).user(user.number);
                leave(conn, trace.with(json!({ "sessions": ended }))).await?;
                Ok::<_, Error>(ended)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(ended)
    }

    async fn end(&self, by: &Caller, user: UserNo, id: SessionId, why: Ended) -> Result<Session> {
        let now = self.now();
        let mut conn = self.store.conn().await?;
        let session = conn
            .transaction(async |conn| {
                let session = sessions::end(conn, user, id, why, now)
                    .await?
                    .ok_or(Error::NotFound("session"))?;
                let user = users::find_number(conn, user).await?;
                let user = user.ok_or(Error::NotFound("user"))?;
                let what = match why {
                    Ended::Logout => ("auth.logout", "auth.logout"),
                    _ => ("auth.revoke", "auth.session_revoked"),
                };
                let trace = trace(&by.name, what, &user, now).user(user.number);
                leave(conn, trace.with(json!({ "session": id }))).await?;
                Ok::<_, Error>(session)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(session)
    }

    /// Removes what ended long ago.
    pub async fn clean_up(&self, kept: TimeDelta) -> Result<usize> {
        let mut conn = self.store.conn().await?;
        Ok(sessions::delete_before(&mut conn, self.now() - kept).await?)
    }
}

enum Exchanged {
    Next(Box<User>, SessionId, String),
    Copied(UserNo),
}

fn caller(standing: &Standing) -> Caller {
    Caller::person(
        standing.user_id,
        standing.user,
        standing.role,
        standing.session.id,
        standing.session.fresh_at,
    )
}

fn place(session: &str) -> keyring::Place<'_> {
    keyring::Place {
        table: "refresh_tokens",
        column: "successor_sealed",
        row: session,
    }
}

/// The session and the secret of a cookie.
fn split(cookie: &str) -> Option<(SessionId, &str)> {
    let (id, secret) = cookie.split_once('.')?;
    Some((SessionId(Uuid::try_parse(id).ok()?), secret))
}

/// What a browser's page must send beside the cookie: derived from it, so that it belongs to this login alone.
pub(super) fn csrf_of(secret: &str) -> String {
    let mut text = String::new();
    let hash = Sha256::new_with_prefix("csrf\0")
        .chain_update(secret)
        .finalize();
    crate::admission::base::push_base32(&mut text, &hash);
    text
}
