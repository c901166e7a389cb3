//! Refresh tokens: each is exchanged once, and a copy that comes later ends the login.
use super::{Carried, Logins, carrier::USE_NOTED, digest, fresh, standing::Standing, trace};
use crate::{
    error::{Error, Result},
    keyring,
    models::{Ended, SessionId, SessionKind, User},
    repositories::sessions::{self, RefreshToken},
    services::store::leave,
};
use chrono::TimeDelta;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::ExposeSecret;
use serde_json::json;

/// How a refresh token begins.
pub(super) const REFRESH_PREFIX: &str = "hywarden_rt_";
/// For how long a used token gets the same successor again, as long as nobody used that: the answer may have been lost
/// (S4).
const GRACE: TimeDelta = TimeDelta::seconds(30);

enum Exchanged {
    Next(Box<User>, SessionId, String),
    Copied(Box<User>),
}

impl Logins {
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
                self.mail.refresh_reused(&user);
                tracing::warn!(user = user.number.0, at = %now, "a refresh token came twice: its login ended");
                Err(Error::Unauthenticated)
            }
        }
    }

    async fn exchange(&self, conn: &mut AsyncPgConnection, hash: &[u8]) -> Result<Exchanged> {
        let now = self.now();
        let session = sessions::lock_by_refresh(conn, hash)
            .await?
            .ok_or(Error::Unauthenticated)?;
        // read under the lock: it says what the others before us did
        let (token, user) = sessions::find_refresh_with_user(conn, hash)
            .await?
            .ok_or(Error::Unauthenticated)?;
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
            let trace = trace("system", what, &user, now).user(user.number).alarm();
            leave(conn, trace.with(json!({ "session": session.id }))).await?;
            return Ok(Exchanged::Copied(Box::new(user)));
        }
        let next = fresh(&*self.store.clock, REFRESH_PREFIX);
        let successor = digest(&next);
        let row = session.id.to_string();
        let sealed = self.keyring.seal(&place(&row), &next)?;
        sessions::exchange(&*conn, &token, &successor, &sealed, now).await?;
        if now - session.used_at >= USE_NOTED {
            sessions::touch(conn, session.id, session.addr, now).await?;
        }
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
}

fn place(session: &str) -> keyring::Place<'_> {
    keyring::Place {
        table: "refresh_tokens",
        column: "successor_sealed",
        row: session,
    }
}
