//! What carries a login from request to request: a cookie, or tokens.
use super::{Logins, access::Claims, digest, standing::Standing};
use crate::{
    admission::addr,
    error::{Error, Result},
    models::{SessionId, SessionKind, User},
    repositories::sessions,
    services::callers::Caller,
};
use chrono::TimeDelta;
use ipnet::IpNet;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// How old a noted use may grow before it is noted again.
pub(super) const USE_NOTED: TimeDelta = TimeDelta::minutes(1);
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

    /// The customer's network that it lies in.
    pub(super) fn network(&self) -> Option<IpNet> {
        self.addr.map(addr::network)
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

/// Whether a page said beside the cookie what belongs to it: what changes something is taken from no other page.
pub fn must_be_said(cookie: &str, said: Option<&str>) -> Result<()> {
    let (_, secret) = split(cookie).ok_or(Error::Unauthenticated)?;
    let said = said.unwrap_or_default().as_bytes();
    if csrf_of(secret).as_bytes().ct_eq(said).into() {
        return Ok(());
    }
    Err(Error::Refused(
        "csrf",
        "send what stands in the cookie __Host-hywarden_csrf as X-CSRF-Token",
    ))
}

impl Logins {
    /// Who speaks by this access token.
    pub async fn authenticate(&self, token: &str, place: &Place) -> Result<Caller> {
        let claims = self.access.verify(token, self.now());
        let claims = claims.ok_or(Error::Unauthenticated)?;
        let standing = self.standing(claims.session).await?;
        if standing.user_id != claims.user || standing.session.kind != SessionKind::Token {
            return Err(Error::Unauthenticated);
        }
        self.used(&standing, place).await?;
        Ok(caller(&standing))
    }

    /// Who speaks by this cookie.
    pub async fn authenticate_cookie(&self, cookie: &str, place: &Place) -> Result<Caller> {
        let (id, secret) = split(cookie).ok_or(Error::Unauthenticated)?;
        let belongs = |standing: &Standing| {
            let hash = standing.session.cookie_hash.as_deref().unwrap_or_default();
            bool::from(digest(secret).ct_eq(hash))
        };
        let mut standing = self.standing(id).await?;
        if !belongs(&standing) {
            // it may have been renewed on another instance a moment ago
            self.revocations.standings.forget_session(id);
            standing = self.standing(id).await?;
        }
        if !belongs(&standing) {
            return Err(Error::Unauthenticated);
        }
        self.used(&standing, place).await?;
        Ok(caller(&standing))
    }

    /// The caller of a login as it is now, for what holds one open: read anew, whatever is known.
    pub async fn again(&self, login: SessionId) -> Result<Caller> {
        self.revocations.standings.forget_session(login);
        let standing = self.standing(login).await?;
        Ok(caller(&standing))
    }

    /// How a login stands. Looking changes nothing: who asks has proved nothing yet.
    async fn standing(&self, id: SessionId) -> Result<Standing> {
        let standing = match self.revocations.standings.get(id) {
            Ok(standing) => standing,
            Err(epoch) => {
                let mut conn = self.store.conn().await?;
                let (session, user) = sessions::find(&mut conn, id)
                    .await?
                    .ok_or(Error::Unauthenticated)?;
                let standing = Standing::of(session, &user);
                self.revocations.standings.keep(&standing, epoch);
                standing
            }
        };
        if standing.is_live(self.now(), self.settings.idle) {
            Ok(standing)
        } else {
            Err(Error::Unauthenticated)
        }
    }

    /// Notes that its own holder used it, and from where.
    async fn used(&self, standing: &Standing, place: &Place) -> Result<()> {
        let (now, session) = (self.now(), &standing.session);
        let standings = &self.revocations.standings;
        if now - session.used_at >= USE_NOTED && standings.used(session.id, now, USE_NOTED) {
            let net = place.net().or(session.addr);
            let mut conn = self.store.conn().await?;
            sessions::touch(&mut conn, session.id, net, now).await?;
        }
        Ok(())
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
