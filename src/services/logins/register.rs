//! Making an account for oneself: by an invitation, or where the operator opened the door.
use super::{Door, Logins, Registration, digest, password, passwords::store_password};
use crate::{
    admission::AddrKey,
    error::{Error, Result},
    models::{Role, SessionId, User, UserId},
    repositories::{
        invites::{self, Invite},
        users,
    },
    services::{
        callers::Caller,
        fields::Fields,
        users::{CreateUser, UserDetail},
    },
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use uuid::Uuid;

/// Somebody who wants an account.
#[derive(Clone, Debug)]
pub struct Register {
    pub name: String,
    pub email: Option<String>,
    pub password: SecretString,
    pub invite: Option<SecretString>,
    pub from: Option<IpAddr>,
}

impl Logins {
    /// Makes the account. It is a user's unless an invitation says otherwise.
    pub async fn register(&self, wish: &Register) -> Result<UserDetail> {
        match (self.settings.registration, &wish.invite) {
            (Registration::Off, _) => {
                return Err(Error::Refused(
                    "registration_off",
                    "accounts are made by admins here",
                ));
            }
            (Registration::Invite, None) => {
                return Err(Error::Refused(
                    "invite_needed",
                    "an invitation is needed here",
                ));
            }
            _ => {}
        }
        // an invitation bounds how many accounts there are by itself: what is left to bound is guessing at one
        let door = wish.from.map(AddrKey::of).map(|addr| match wish.invite {
            Some(_) => Door::Link(addr),
            None => Door::Register(addr),
        });
        if let Some(door) = door {
            self.limits.take(door).await?;
        }
        let mut fields = Fields::default();
        // a name that looks like an address could be taken for somebody else's
        fields.check(!wish.name.contains('@'), "name", "must not hold an @");
        let email = wish.email.as_deref().unwrap_or_default();
        // what an invitation raises is checked again once it is known
        fields.take(
            "password",
            password::check(
                wish.password.expose_secret(),
                Role::User,
                &[&wish.name, email],
            ),
        );
        fields.done()?;
        if let Some(secret) = &wish.invite {
            // a guess costs no hash; it is looked at again when it is taken
            let mut conn = self.store.conn().await?;
            self.invited(&mut conn, wish, secret).await?;
        }
        let hashed = self.hasher.hash(&wish.password).await?;
        let mut conn = self.store.conn().await?;
        let user = conn
            .transaction(async |conn| self.register_in(conn, wish, &hashed).await)
            .await?;
        self.store.caught_up(conn).await?;
        if let Some(door @ Door::Link(_)) = door {
            self.limits.give_back(door).await;
        }
        self.users.find(&crate::models::Named::Id(user.id.0)).await
    }

    async fn register_in(
        &self,
        conn: &mut AsyncPgConnection,
        wish: &Register,
        hashed: &str,
    ) -> Result<User> {
        let now = self.now();
        let mut create = CreateUser {
            name: wish.name.clone(),
            email: wish.email.clone(),
            quota: Some(self.settings.registration_quota),
            ..CreateUser::default()
        };
        let invite = match &wish.invite {
            Some(secret) => Some(self.invited(conn, wish, secret).await?),
            None => None,
        };
        if let Some(invite) = &invite {
            create.role = Some(invite.role);
            create.quota = invite.quota;
            create.expires_in = invite.valid_for_seconds;
            create.email = create.email.or_else(|| invite.email.clone());
        }
        // what an invitation may give was looked at
        let by = Caller::trusted(match &invite {
            Some(invite) => format!("invite:{}", invite.id),
            None => "registration".to_owned(),
        });
        let user = self.users.create_in(conn, &by, &create, None).await?;
        store_password(conn, user.number, hashed, now).await?;
        if let Some(invite) = invite {
            invites::take(conn, invite.id, user.number, now).await?;
        }
        Ok(user)
    }

    /// The invitation, if it is valid, and still the inviter's to give (A3).
    async fn invited(
        &self,
        conn: &mut AsyncPgConnection,
        wish: &Register,
        secret: &SecretString,
    ) -> Result<Invite> {
        let now = self.now();
        let invalid = || Error::field("invite", "is not valid, or not any more");
        let hash = digest(secret.expose_secret());
        let invite = invites::lock(conn, &hash, now).await?;
        let invite = invite.ok_or_else(invalid)?;
        if let Some(inviter) = invite.inviter_no {
            let inviter = users::find_number(conn, inviter)
                .await?
                .ok_or_else(invalid)?;
            let gone = inviter.suspended_at.is_some() || inviter.deleted_at.is_some();
            let as_now = Caller::person(
                UserId(inviter.id.0),
                inviter.number,
                inviter.role,
                SessionId(Uuid::nil()),
                now,
            );
            if gone || !as_now.may_manage(invite.role) {
                return Err(invalid());
            }
        }
        if let (Some(only), Some(given)) = (&invite.email, &wish.email)
            && !only.eq_ignore_ascii_case(given)
        {
            return Err(Error::field("email", "is not the one that was invited"));
        }
        let email = wish.email.as_deref().unwrap_or_default();
        password::check(
            wish.password.expose_secret(),
            invite.role,
            &[&wish.name, email],
        )
        .map_err(|why| Error::field("password", why))?;
        Ok(invite)
    }
}
