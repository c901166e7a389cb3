//! The first superadmin: there is no default account, but a link that is shown on the machine alone (L13).
use super::{Door, Logins, digest, fresh, password, passwords::store_password};
use crate::{
    admission::AddrKey,
    clock::Clock,
    error::{Error, Result},
    models::{Named, Role},
    repositories::{factors, settings},
    services::{
        callers::Caller,
        idempotency::Keep,
        store::{Trace, leave},
        users::{CreateUser, UserDetail},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use url::Url;

const KEY: &str = "setup";
const LIFETIME: TimeDelta = TimeDelta::hours(1);
const PREFIX: &str = "hywarden_setup_";

/// The link, shown this once.
#[derive(Clone, Debug)]
pub struct SetupLink {
    pub url: SecretString,
    pub expires_at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    hash: Vec<u8>,
    expires_at: DateTime<Utc>,
}

/// Makes the link; the one before it is void. `None`: there is a superadmin already.
pub async fn make_link(
    conn: &mut AsyncPgConnection,
    clock: &dyn Clock,
    base: &Url,
) -> Result<Option<SetupLink>> {
    if factors::count_superadmins(conn, None).await? > 0 {
        return Ok(None);
    }
    let (now, secret) = (clock.now(), fresh(clock, PREFIX));
    let stored = Stored {
        hash: digest(&secret),
        expires_at: now + LIFETIME,
    };
    let value = serde_json::to_value(&stored).map_err(|e| Error::Internal(e.into()))?;
    settings::put(conn, KEY, &value, now).await?;
    let base = base.as_str().trim_end_matches('/');
    Ok(Some(SetupLink {
        url: format!("{base}/setup#{secret}").into(),
        expires_at: stored.expires_at,
    }))
}

impl Logins {
    /// Whether there is a superadmin: then the door is closed.
    pub async fn is_set_up(&self) -> Result<bool> {
        let mut conn = self.store.conn().await?;
        Ok(factors::count_superadmins(&mut conn, None).await? > 0)
    }

    /// Makes the link; `None`: there is a superadmin already.
    pub async fn setup_link(&self) -> Result<Option<SetupLink>> {
        let mut conn = self.store.conn().await?;
        make_link(&mut conn, &*self.store.clock, &self.settings.base).await
    }

    /// The same for somebody who asks, which leaves its traces.
    pub async fn fresh_setup_link(
        &self,
        principal: &str,
        keep: &Keep<'_, SetupLink>,
    ) -> Result<SetupLink> {
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let link = make_link(conn, &*self.store.clock, &self.settings.base).await?;
            let link =
                link.ok_or_else(|| Error::State("there is a superadmin already".to_owned()))?;
            let what = ("auth.setup_link", "auth.setup_link_made");
            let trace = Trace::new(principal, what, "setup:link".to_owned(), self.now());
            leave(conn, trace).await?;
            keep.answer(conn, &link).await?;
            Ok(link)
        })
        .await
    }

    /// Makes the first superadmin by the link's token. Of many at once, one.
    pub async fn set_up(
        &self,
        token: &str,
        create: &CreateUser,
        secret: &SecretString,
        from: Option<IpAddr>,
    ) -> Result<UserDetail> {
        if let Some(addr) = from {
            self.limits.take(Door::Link(AddrKey::of(addr))).await?;
        }
        let invalid = || Error::Refused("setup_token", "this link is not valid, or not any more");
        let names = [
            create.name.as_str(),
            create.email.as_deref().unwrap_or_default(),
        ];
        {
            // a guess costs no hash
            let mut conn = self.store.conn().await?;
            let stored = settings::find(&mut conn, KEY).await?;
            if !stored.is_some_and(|stored| self.opens(&stored, token)) {
                return Err(invalid());
            }
        }
        password::check(secret.expose_secret(), Role::Superadmin, &names)
            .map_err(|why| Error::field("password", why))?;
        let hashed = self.hasher.hash(secret).await?;
        let create = CreateUser {
            role: Some(Role::Superadmin),
            ..create.clone()
        };
        let mut conn = self.store.conn().await?;
        let user = conn
            .transaction(async |conn| {
                let stored = settings::lock(conn, KEY).await?;
                if !stored.is_some_and(|stored| self.opens(&stored, token))
                    || factors::count_superadmins(conn, None).await? > 0
                {
                    return Err(invalid());
                }
                let user = self
                    .users
                    .create_in(conn, &Caller::trusted("setup"), &create, None)
                    .await?;
                store_password(conn, user.number, &hashed, self.now()).await?;
                settings::remove(conn, KEY).await?;
                Ok(user)
            })
            .await?;
        self.store.caught_up(conn).await?;
        self.users.find(&Named::Id(user.id.0)).await
    }

    fn opens(&self, stored: &serde_json::Value, token: &str) -> bool {
        use subtle::ConstantTimeEq;
        let stored: Option<Stored> = serde_json::from_value(stored.clone()).ok();
        stored.is_some_and(|stored| {
            self.now() < stored.expires_at && bool::from(digest(token).ct_eq(&stored.hash))
        })
    }
}
