//! Tickets: let somebody in once, within half a minute, without a secret in a URL. What stands behind one is only who it
//! was; what that may is looked up again when it is used. With Redis they lie there, each for as long as it is good; else, or
//! while Redis is away, in this instance's memory, where nobody takes the place of others.
use super::Live;
use crate::{
    cache::keys::LiveTicket,
    clock::random,
    error::{Error, Result},
    models::{SessionId, TokenId},
    repositories::tokens,
    services::{callers::Caller, tokens::as_now},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    sync::PoisonError,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// For how long a ticket is good.
pub const LIFETIME: Duration = Duration::from_secs(30);
/// Tickets that wait in this instance's memory, and those of one principal.
const MOST: usize = 10_000;
const MOST_OF_ONE: usize = 10;

/// A ticket that waits.
#[derive(Clone, Debug)]
pub struct Ticket {
    principal: String,
    /// Who it was, to be looked up again.
    holder: String,
    pub made_at: Instant,
}

/// Those of this instance, by hash.
pub type Tickets = HashMap<String, Ticket>;

impl Live {
    /// A ticket for somebody who may follow anything at all.
    pub async fn ticket(&self, caller: &Caller) -> Result<SecretString> {
        if caller.user_id.is_none() && !caller.holds("live:read") {
            return Err(Error::Forbidden("live:read"));
        }
        let ticket = BASE64_URL_SAFE_NO_PAD.encode(random::<32>(&*self.store.clock));
        let (hash, holder) = (hash(&ticket), holder(caller));
        if let Some(cache) = &self.cache {
            let written = cache.put(&LiveTicket(&hash), &holder).await;
            if written.is_ok() {
                return Ok(ticket.into());
            }
        }
        // Redis is away, or there is none: good on this instance alone
        let mut kept = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, ticket| ticket.made_at.elapsed() < LIFETIME);
        if let Some(oldest) = one_too_many(&kept, &caller.name) {
            kept.remove(&oldest);
        }
        if kept.len() >= MOST {
            return Err(Error::Unavailable("another ticket"));
        }
        let waiting = Ticket {
            principal: caller.name.clone(),
            holder,
            made_at: Instant::now(),
        };
        kept.insert(hash, waiting);
        Ok(ticket.into())
    }

    /// Takes a ticket, which is good once.
    pub async fn redeem(&self, ticket: &str) -> Result<Caller> {
        let hash = hash(ticket);
        let here = {
            let mut kept = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
            kept.remove(&hash)
                .filter(|ticket| ticket.made_at.elapsed() < LIFETIME)
                .map(|ticket| ticket.holder)
        };
        let holder = match (here, &self.cache) {
            (Some(holder), _) => Some(holder),
            (None, Some(cache)) => cache.take(&LiveTicket(&hash)).await.unwrap_or_default(),
            (None, None) => None,
        };
        let holder = holder.ok_or(Error::Unauthenticated)?;
        self.who(&holder).await?.ok_or(Error::Unauthenticated)
    }

    /// The same caller as it is now, if it still is anybody: for work that outlasts its request.
    pub async fn still(&self, caller: &Caller) -> Result<Option<Caller>> {
        self.who(&holder(caller)).await
    }

    /// Who that is now, if it still is anybody.
    async fn who(&self, holder: &str) -> Result<Option<Caller>> {
        let Some((kind, id)) = holder.split_once(':') else {
            return Ok(None);
        };
        if kind == "cli" {
            return Ok(id.parse().ok().and_then(Caller::local));
        }
        let Ok(id) = Uuid::try_parse(id) else {
            return Ok(None);
        };
        if kind == "login" {
            return match self.logins.again(SessionId(id)).await {
                Err(Error::Unauthenticated) => Ok(None),
                caller => caller.map(Some),
            };
        }
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let token = tokens::find(&mut conn, TokenId(id)).await?;
        match token.filter(|token| token.is_live(now)) {
            Some(token) => as_now(&mut conn, token).await,
            None => Ok(None),
        }
    }
}

/// The oldest ticket of who has as many as it may.
fn one_too_many(kept: &Tickets, principal: &str) -> Option<String> {
    let own = || kept.iter().filter(|(_, one)| one.principal == principal);
    let oldest = own().min_by_key(|(_, one)| one.made_at)?;
    (own().count() >= MOST_OF_ONE).then(|| oldest.0.clone())
}

/// Who it is, to be looked up again: `cli:<uid>`, `token:<id>`, `login:<id>`.
fn holder(caller: &Caller) -> String {
    match caller.login {
        Some(login) => format!("login:{login}"),
        None => caller.name.clone(),
    }
}

fn hash(ticket: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(ticket))
}
