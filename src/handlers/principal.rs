//! Who asks, and what they may: the permission of a route is an argument of its handler.
use super::{client::TrustedProxies, edge::AskedBy};
use crate::{
    error::Error,
    models::{DeviceId, Named},
    services::{
        Services,
        callers::{Caller, Whose},
    },
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest,
    dev::{Extensions, Payload, ServiceRequest},
    http::header::AUTHORIZATION,
    rt::net::UnixStream,
    web::Data,
};
use std::{
    any::Any,
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
};

/// The uid at the other end of the local socket, as the kernel says.
#[derive(Clone, Copy, Debug)]
struct PeerUid(u32);

/// To be given to `HttpServer::on_connect`: notes who is at the other end of a local socket.
pub fn on_connect(connection: &dyn Any, data: &mut Extensions) {
    if let Some(socket) = connection.downcast_ref::<UnixStream>()
        && let Ok(peer) = socket.peer_cred()
    {
        data.insert(PeerUid(peer.uid()));
    }
}

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

/// A caller that holds the scope `S`, or a person that is logged in and asks for what is its own. A handler names the
/// object by `to_user` or `to_device` before it does anything: what is somebody else's is as if it were not.
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
    /// Lets through to a user within reach.
    pub async fn to_user(&self, app: &Services, who: &str) -> Result<Named, Error> {
        let named = Named::from(who);
        if let Whose::Own(own) = self.whose {
            let asked = match &named {
                Named::Id(id) => self.user.filter(|_| self.is_called(*id)),
                Named::Name(_) => app.users.number(&named).await?,
            };
            if asked != Some(own) {
                return Err(Error::NotFound("user"));
            }
        }
        Ok(named)
    }

    /// Lets through to a device within reach.
    pub async fn to_device(&self, app: &Services, device: DeviceId) -> Result<DeviceId, Error> {
        if let Whose::Own(own) = self.whose
            && app.devices.owner(device).await? != Some(own)
        {
            return Err(Error::NotFound("device"));
        }
        Ok(device)
    }
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

/// Anybody who is known.
#[derive(Debug)]
pub struct Anyone(pub Caller);

/// What is known of who asks, left by the edge for the extractor.
struct Known(Result<Caller, Error>);

/// Finds out who asks. A route that is open to everybody never looks.
pub async fn identify(req: &ServiceRequest) {
    let caller = caller(req.request()).await;
    let mut left = req.extensions_mut();
    if let Ok(caller) = &caller {
        left.insert(AskedBy(caller.name.clone()));
    }
    left.insert(Known(caller));
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
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(known(req).and_then(|caller| {
            let whose = caller.reach(S::NAME).ok_or(Error::Forbidden(S::NAME))?;
            Ok(Self {
                caller,
                whose,
                scope: PhantomData,
            })
        }))
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

impl FromRequest for Anyone {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(known(req).map(Self))
    }
}

/// The local socket's peer, or the holder of a token. Nothing is trusted for coming from 127.0.0.1.
async fn caller(req: &HttpRequest) -> Result<Caller, Error> {
    if let Some(PeerUid(uid)) = req.conn_data::<PeerUid>().copied() {
        return Caller::local(uid).ok_or(Error::Unauthenticated);
    }
    let services: &Data<Services> = req
        .app_data()
        .ok_or_else(|| anyhow::anyhow!("no services in the application's data"))?;
    let secret = req
        .headers()
        .get(AUTHORIZATION)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, secret)| secret.trim())
        .ok_or(Error::Unauthenticated)?;
    let from = req
        .app_data::<Data<TrustedProxies>>()
        .and_then(|proxies| proxies.client(req));
    services.tokens.authenticate(secret, from).await
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
