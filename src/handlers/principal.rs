//! Who asks, and what they may: the permission of a route is an argument of its handler.
use super::{browser, client::local_uid, cookies, request::AskedBy};
use crate::{
    error::Error,
    models::{DeviceId, Named, UserNo},
    services::{
        Services,
        callers::{Caller, Whose},
        logins::must_be_said,
    },
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Payload, ServiceRequest},
    http::header::AUTHORIZATION,
    web::{Data, Path},
};
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
};
use tokio_util::sync::CancellationToken;

/// What a token must hold to be let through.
pub trait Scope {
    /// As it stands in a token: `noun:read` or `noun:write`.
    const NAME: &'static str;
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        $($(#[$doc])* #[derive(Debug)] pub struct $name; impl Scope for $name { const NAME: &'static str = $word; })+
        #[cfg(test)]
        const ALL: &[&str] = &[$($word),+];
    };
}
scopes! {
    /** Sees users, groups and refusals. */ UsersRead = "users:read",
    /** Makes and changes users and groups. */ UsersWrite = "users:write",
    /** Sees devices. */ DevicesRead = "devices:read",
    /** Makes and changes devices; is shown the secrets it makes. */ DevicesWrite = "devices:write",
    /** Is shown secrets again: links, QR codes, configurations. */ SecretsRead = "secrets:read",
    /** Sees nodes. */ NodesRead = "nodes:read",
    /** Makes and changes nodes; is shown their configuration. */ NodesWrite = "nodes:write",
    /** Sees tokens, never their secrets. */ TokensRead = "tokens:read",
    /** Makes tokens with no more than its own scopes; revokes. */ TokensWrite = "tokens:write",
    /** Sees traffic and connections. */ TrafficRead = "traffic:read",
    /** Credits or drops what is in quarantine. */ TrafficWrite = "traffic:write",
    /** Sees events. */ EventsRead = "events:read",
    /** Sees plans. */ PlansRead = "plans:read",
    /** Makes and changes plans. */ PlansWrite = "plans:write",
    /** Sees the state of this instance. */ SystemRead = "system:read",
    /** Makes it read everything again. */ SystemWrite = "system:write",
    /** Sees logins and invitations. */ LoginsRead = "logins:read",
    /** Invites, ends logins, hands out links to a new password. */ LoginsWrite = "logins:write",
    /** Sees what admins see: reports, settings, logs, keys' numbers. */ AdminRead = "admin:read",
    /** Changes settings, switches maintenance, rotates keys. */ AdminWrite = "admin:write",
    /** Sees webhooks and their deliveries. */ WebhooksRead = "webhooks:read",
    /** Makes and changes webhooks; is shown their secrets once. */ WebhooksWrite = "webhooks:write",
    /** Sees who did what, and verifies it. */ AuditRead = "audit:read",
    /** Follows what happens as it happens. */ LiveRead = "live:read",
}

/// A caller that holds the scope `S`.
#[derive(Debug)]
pub struct May<S>(pub Caller, PhantomData<S>);

impl<S> Deref for May<S> {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

/// A caller that holds the scope `S`, or a person that is logged in and asks for what is its own: the user and the device
/// that the path names are, or it is not let through. What is somebody else's is as if it were not. Where the path names
/// neither, the handler asks `whose`.
#[derive(Debug)]
pub struct Reach<S> {
    caller: Caller,
    /// Whose objects.
    pub whose: Whose,
    scope: PhantomData<S>,
}

impl<S> Deref for Reach<S> {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<S> Reach<S> {
    /// A user that something else than the path names, if it is within reach.
    pub async fn to_user(&self, app: &Services, who: &str) -> Result<Named, Error> {
        let named = Named::from(who);
        if let Whose::Own(own) = self.whose
            && app.users.number(&named).await? != Some(own)
        {
            return Err(Error::NotFound("user"));
        }
        Ok(named)
    }

    /// A device that something else than the path names, if it is within reach.
    pub async fn to_device(&self, app: &Services, device: DeviceId) -> Result<DeviceId, Error> {
        if let Whose::Own(own) = self.whose
            && app.devices.owner(device).await? != Some(own)
        {
            return Err(Error::NotFound("device"));
        }
        Ok(device)
    }

    /// Refuses to a person what is not its own to decide even of what is its own.
    pub fn must_reach_all(&self, scope: &'static str) -> Result<(), Error> {
        match self.whose {
            Whose::All => Ok(()),
            Whose::Own(_) => Err(Error::Forbidden(scope)),
        }
    }
}

/// Tells those who read a body that it may be read: who may not is told so, whatever the body holds.
#[derive(Clone, Debug, Default)]
struct Passed(CancellationToken);

/// Waits until a `Reach` before it in the handler's signature has let the caller through; for ever, if it does not.
pub fn passed(req: &HttpRequest) -> impl Future<Output = ()> + use<> {
    let passed = req.extensions().get::<Passed>().cloned();
    async move {
        if let Some(Passed(token)) = passed {
            token.cancelled().await;
        }
    }
}

/// What a path may name that belongs to somebody.
#[derive(Deserialize)]
struct Objects {
    user: Option<String>,
    user_id: Option<String>,
    device: Option<String>,
    device_id: Option<String>,
}

/// The user and the device that a path names must be this user's: else they are as if they were not.
async fn named_are_own(req: &HttpRequest, own: &Caller, no: UserNo) -> Result<(), Error> {
    let app: &Data<Services> = req
        .app_data()
        .ok_or_else(|| anyhow::anyhow!("no services in the application's data"))?;
    // decoded as the handler will read it
    let named = Path::<Objects>::extract(req).await;
    let named = named.map_err(|_| Error::NotFound("object"))?.into_inner();
    let (user, device) = (
        named.user.or(named.user_id),
        named.device.or(named.device_id),
    );
    if let Some(user) = &user {
        let is_own = match Named::from(user.as_str()) {
            Named::Id(id) => own.is_called(id),
            name @ Named::Name(_) => app.users.number(&name).await? == Some(no),
        };
        if !is_own {
            return Err(Error::NotFound("user"));
        }
    }
    if let Some(device) = &device {
        let id = uuid::Uuid::try_parse(device).map_err(|_| Error::NotFound("object"))?;
        if app.devices.owner(DeviceId(id)).await? != Some(no) {
            return Err(Error::NotFound("device"));
        }
    }
    Ok(())
}

/// A person that is logged in, for what nobody can do for it.
#[derive(Debug)]
pub struct Person(pub Caller);

impl Deref for Person {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

/// A person that is logged in, if one asks.
#[derive(Debug)]
pub struct MaybePerson(pub Result<Caller, Error>);

/// Anybody who is known.
#[derive(Debug)]
pub struct Anyone(pub Caller);

/// What is known of who asks, left by the edge for the extractor.
struct Known(Result<Caller, Error>);

/// Finds out who asks. A route that is open to everybody never looks.
pub async fn identify(req: &ServiceRequest) {
    let caller = match caller(req.request()).await {
        Ok(caller) => {
            // known from here on, also to what refuses it
            req.extensions_mut().insert(AskedBy(caller.name.clone()));
            must_be_sent_by_it(req.request()).map(|()| caller)
        }
        unknown => unknown,
    };
    req.extensions_mut().insert(Known(caller));
}

/// A browser sends its cookie whoever's page asks: what may change something must come from a page of ours (C1).
fn must_be_sent_by_it(req: &HttpRequest) -> Result<(), Error> {
    let headers = req.headers();
    let by_cookie = local_uid(req).is_none() && !headers.contains_key(AUTHORIZATION);
    let Some(cookie) = cookies::of(req).filter(|_| by_cookie && !req.method().is_safe()) else {
        return Ok(());
    };
    let said = headers.get("x-csrf-token").and_then(|v| v.to_str().ok());
    must_be_said(&cookie, said)?;
    if browser::is_foreign(req) {
        return Err(browser::foreign());
    }
    Ok(())
}

fn known(req: &HttpRequest) -> Result<Caller, Error> {
    let known = req.extensions_mut().remove::<Known>();
    known.map_or(Err(Error::Unauthenticated), |known| known.0)
}

impl<S: Scope> FromRequest for May<S> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(known(req).and_then(|caller| {
            if caller.holds(S::NAME) {
                Ok(Self(caller, PhantomData))
            } else {
                Err(Error::Forbidden(S::NAME))
            }
        }))
    }
}

impl<S: Scope> FromRequest for Reach<S> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let (caller, req, passed) = (known(req), req.clone(), Passed::default());
        req.extensions_mut().insert(passed.clone());
        Box::pin(async move {
            let caller = caller?;
            let whose = caller.reach(S::NAME).ok_or(Error::Forbidden(S::NAME))?;
            if let Whose::Own(no) = whose {
                named_are_own(&req, &caller, no).await?;
            }
            passed.0.cancel();
            Ok(Self {
                caller,
                whose,
                scope: PhantomData,
            })
        })
    }
}

impl FromRequest for Person {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(known(req).and_then(|caller| match caller.login {
            Some(_) => Ok(Self(caller)),
            None => Err(Error::NeedsLogin),
        }))
    }
}

impl FromRequest for MaybePerson {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(known(req).and_then(|caller| match caller.login {
            Some(_) => Ok(caller),
            None => Err(Error::NeedsLogin),
        }))))
    }
}

impl FromRequest for Anyone {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(known(req).map(Self))
    }
}

/// The local socket's peer, the holder of a token, or a person that is logged in. Nothing is trusted for coming from
/// 127.0.0.1, and what stands in a URL is never looked at.
async fn caller(req: &HttpRequest) -> Result<Caller, Error> {
    if let Some(uid) = local_uid(req) {
        return Caller::local(uid).ok_or(Error::Unauthenticated);
    }
    let services: &Data<Services> = req
        .app_data()
        .ok_or_else(|| anyhow::anyhow!("no services in the application's data"))?;
    let place = browser::place(req);
    if let Some(header) = req.headers().get(AUTHORIZATION) {
        let secret = header
            .to_str()
            .ok()
            .and_then(|v| v.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, secret)| secret.trim())
            .ok_or(Error::Unauthenticated)?;
        // a JWT has dots, a token of ours has none
        return if secret.contains('.') {
            services.logins.authenticate(secret, &place).await
        } else {
            services.tokens.authenticate(secret, place.addr).await
        };
    }
    let cookie = cookies::of(req).ok_or(Error::Unauthenticated)?;
    services.logins.authenticate_cookie(&cookie, &place).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::callers;

    #[test]
    fn every_scope_can_be_given_to_a_token() {
        assert_eq!(ALL, callers::SCOPES);
    }
}
