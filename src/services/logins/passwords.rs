//! Setting a password: by whoever knows the old one, by a link, by an admin.
use super::{
    Door, Logins, digest, fresh,
    limits::{Failures, hash},
    password, trace,
};
use crate::{
    admission::AddrKey,
    error::{Error, Result},
    models::{Ended, Named, SessionId, SessionKind, User, UserNo},
    repositories::{factors, sessions, users},
    services::{callers::Caller, idempotency::Keep, store::leave},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;

/// How long a link is valid (L12).
const LINK: TimeDelta = TimeDelta::minutes(10);
const LINK_PREFIX: &str = "hywarden_pw_";

/// A link by which a person sets its password.
#[derive(Clone, Debug)]
pub struct PasswordLink {
    pub url: SecretString,
    pub expires_at: DateTime<Utc>,
}

impl Logins {
    /// Proves again who the caller is, with password and code; a browser gets a new cookie with that (S7).
    pub async fn confirm_person(
        &self,
        by: &Caller,
        given: &SecretString,
        code: Option<&str>,
    ) -> Result<Option<super::Carried>> {
        let (Some(user), Some(login)) = (by.user, by.login) else {
            return Err(Error::NeedsLogin);
        };
        let person = self.knows_password(user, given).await?;
        self.prove_factor(user, code).await?;
        let now = self.now();
        let mut conn = self.store.conn().await?;
        let found = sessions::find(&mut conn, login).await?;
        let is_cookie = found.is_some_and(|(session, _)| session.kind == SessionKind::Cookie);
        let secret = fresh(&*self.store.clock, "");
        let hashed = digest(&secret);
        let cookie = is_cookie.then_some(hashed.as_slice());
        sessions::freshen(&mut conn, login, cookie, now).await?;
        self.revocations.standings.forget_session(login);
        if is_cookie {
            let carried = self.carry(&person, login, SessionKind::Cookie, secret)?;
            return Ok(Some(carried));
        }
        Ok(None)
    }

    /// A new password for an old one. Everything else that the person held ends; wrong ones count as those of a login.
    pub async fn change(
        &self,
        by: &Caller,
        old: &SecretString,
        new: &SecretString,
        code: Option<&str>,
    ) -> Result<()> {
        let user = by.user.ok_or(Error::NeedsLogin)?;
        let person = self.knows_password(user, old).await?;
        check(&person, "new_password", new)?;
        self.prove_factor(user, code).await?;
        let hashed = self.hasher.hash(new).await?;
        self.put(&by.name, user, by.login, &hashed, None).await
    }

    async fn knows_password(&self, user: UserNo, given: &SecretString) -> Result<User> {
        let lock = || Failures::Person(user).lock(None);
        self.limits.must_be_unlocked(lock()).await?;
        self.limits.take(Door::Proof(user)).await?;
        let (person, of) = {
            let mut conn = self.store.conn().await?;
            let person = users::find_number(&mut conn, user).await?;
            let of = factors::find_of(&mut conn, user).await?;
            (person.ok_or(Error::Unauthenticated)?, of)
        };
        let stored = of.as_ref().and_then(|of| of.password_hash.as_deref());
        let right = self.hasher.verify(given, stored).await?.right;
        // others may have failed meanwhile: then this guess is none, whatever the password
        self.limits.must_be_unlocked(lock()).await?;
        if !right {
            self.limits.failed(lock()).await;
            return Err(Error::Refused(
                "wrong_password",
                "that is not the present password",
            ));
        }
        self.limits.succeeded(lock()).await;
        Ok(person)
    }

    /// Asks for a mail with a link. The answer is the same for any name: what is done comes after it (L12).
    pub async fn forgot(&self, name: &str, from: Option<IpAddr>) -> Result<()> {
        if let Some(addr) = from {
            self.limits.take(Door::Forgot(AddrKey::of(addr))).await?;
        }
        self.limits.take(Door::Everybody).await?;
        self.mail.forgotten(name);
        Ok(())
    }

    /// Makes the link that a mail carries, for whoever is called so and has an address. However the account was spelled, it
    /// is written to as often.
    pub(super) async fn mailed_link(&self, name: &str) -> Result<Option<(User, PasswordLink)>> {
        let mut conn = self.store.conn().await?;
        let Some((user, _)) = factors::find(&mut conn, name).await? else {
            return Ok(None);
        };
        drop(conn);
        if user.email.is_none() || user.suspended_at.is_some() || user.deleted_at.is_some() {
            return Ok(None);
        }
        let account = hash(&[&user.number.0.to_be_bytes()]);
        if self.limits.take(Door::Mail(account)).await.is_err() {
            return Ok(None);
        }
        let link = self
            .make_link(factors::MAILED, user.number, &Keep::nothing())
            .await?;
        Ok(Some((user, link)))
    }

    /// A link for somebody who cannot be reached by mail. Who has it has the account: it needs a fresh proof (L11).
    pub async fn password_link(
        &self,
        by: &Caller,
        who: &Named,
        keep: &Keep<'_, PasswordLink>,
    ) -> Result<PasswordLink> {
        let user = self.managed(by, who).await?;
        by.must_be_fresh(self.now())?;
        self.make_link(&by.name, user.number, keep).await
    }

    async fn managed(&self, by: &Caller, who: &Named) -> Result<User> {
        let mut conn = self.store.conn().await?;
        let user = users::find(&mut conn, who).await?;
        let user = user.ok_or(Error::NotFound("user"))?;
        by.must_manage(user.role)?;
        if user.deleted_at.is_some() {
            return Err(Error::State("the user is deleted".to_owned()));
        }
        Ok(user)
    }

    async fn make_link(
        &self,
        by: &str,
        user: UserNo,
        keep: &Keep<'_, PasswordLink>,
    ) -> Result<PasswordLink> {
        let now = self.now();
        let secret = fresh(&*self.store.clock, LINK_PREFIX);
        let (hashed, expires_at) = (digest(&secret), now + LINK);
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let person = users::lock_number(conn, user).await?;
            factors::insert_link(conn, &hashed, user, by, now, expires_at).await?;
            let what = ("auth.password_link", "auth.password_link_made");
            leave(conn, trace(by, what, &person, now)).await?;
            let link = PasswordLink {
                url: self.link("reset-password", &secret),
                expires_at,
            };
            keep.answer(conn, &link).await?;
            Ok(link)
        })
        .await
    }

    /// A new password by a link. It logs nobody in: a second factor is asked for as ever (L10).
    pub async fn reset(
        &self,
        secret: &str,
        new: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<()> {
        if let Some(addr) = from {
            self.limits.take(Door::Link(AddrKey::of(addr))).await?;
        }
        let now = self.now();
        let (hashed, invalid) = (digest(secret), || {
            Error::field("token", "is not valid, or not any more")
        });
        let person = {
            let mut conn = self.store.conn().await?;
            let user = factors::find_link(&mut conn, &hashed, now).await?;
            let user = user.ok_or_else(invalid)?;
            let person = users::find_number(&mut conn, user).await?;
            person
                .filter(|p| p.deleted_at.is_none())
                .ok_or_else(invalid)?
        };
        check(&person, "password", new)?;
        let new = self.hasher.hash(new).await?;
        let principal = format!("user:{}", person.id);
        self.put(&principal, person.number, None, &new, Some(&hashed))
            .await
    }

    /// A password that an admin sets. The person should change it.
    pub async fn set_password(&self, by: &Caller, who: &Named, new: &SecretString) -> Result<()> {
        let person = self.managed(by, who).await?;
        by.must_be_fresh(self.now())?;
        check(&person, "new_password", new)?;
        let hashed = self.hasher.hash(new).await?;
        self.put(&by.name, person.number, None, &hashed, None).await
    }

    /// Sets a hash, and ends all that was held by the old password but one login (S8).
    async fn put(
        &self,
        by: &str,
        user: UserNo,
        but: Option<SessionId>,
        hashed: &str,
        link: Option<&[u8]>,
    ) -> Result<()> {
        let now = self.now();
        let mut conn = self.store.conn().await?;
        let person = conn
            .transaction(async |conn| {
                let person = users::lock_number(conn, user).await?;
                if let Some(link) = link
                    && !factors::take_link(conn, link, now).await?
                {
                    return Err(Error::field("token", "is not valid, or not any more"));
                }
                store_password(conn, user, hashed, now).await?;
                sessions::end_others(conn, user, but, Ended::Password, now).await?;
                sessions::end_tokens(conn, user, now).await?;
                factors::void_links(conn, user, now).await?;
                let what = ("auth.password", "auth.password_changed");
                leave(conn, trace(by, what, &person, now).user(user)).await?;
                Ok(person)
            })
            .await?;
        self.store.caught_up(conn).await?;
        self.mail.password_changed(&person);
        Ok(())
    }
}

/// Writes a password's hash.
pub(super) async fn store_password(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    hashed: &str,
    at: DateTime<Utc>,
) -> Result<()> {
    let mut of = factors::lock(conn, user).await?;
    of.password_hash = Some(hashed.to_owned());
    of.password_set_at = Some(at);
    factors::update(conn, &of).await?;
    Ok(())
}

fn check(person: &User, field: &'static str, new: &SecretString) -> Result<()> {
    let email = person.email.as_deref().unwrap_or_default();
    password::check(new.expose_secret(), person.role, &[&person.name, email])
        .map_err(|why| Error::field(field, why))
}
