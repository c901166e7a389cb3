//! Logins seen, and ended.
use super::{Logins, digest, trace};
use crate::{
    error::{Error, Result},
    models::{Ended, Named, Session, SessionId, User, UserNo},
    repositories::{sessions, users},
    services::{
        callers::{Caller, Whose},
        store::leave,
    },
};
use chrono::TimeDelta;
use diesel_async::AsyncConnection;
use serde_json::json;

impl Logins {
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
