//! Secrets by which machines speak to the API, and whoever speaks by them.
use crate::{
    admission::base::push_base32,
    clock::random,
    error::{Error, Result, violated},
    models::{Named, Role, Token, TokenId, name},
    repositories::{
        changes,
        tokens::{self, NewToken},
        users,
    },
    services::{
        callers::{ALL, Caller, SCOPES},
        fields::Fields,
        idempotency::Keep,
        store::{Store, Trace, leave},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use uuid::Uuid;
use validator::Validate;

const PREFIX: &str = "hywarden_pat_";
/// 160 random bits in base 32.
const BODY: usize = 32;
const CHECKSUM: usize = 6;
/// How old a noted use may grow before it is noted again.
const USE_NOTED: TimeDelta = TimeDelta::minutes(1);

/// What a token is made with.
#[derive(Clone, Debug, Default, Validate)]
pub struct CreateToken {
    pub name: String,
    #[validate(length(min = 1))]
    pub scopes: Vec<String>,
    /// From where it may be used; empty: from anywhere.
    #[validate(length(max = 256))]
    pub allowed_cidrs: Vec<String>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Seconds from now.
    pub expires_in: Option<i64>,
}

/// The service.
#[derive(Clone)]
pub struct Tokens {
    pub store: Store,
}

impl Tokens {
    /// Who speaks by this secret, from this address. A mistyped one costs no query.
    pub async fn authenticate(&self, secret: &str, from: Option<IpAddr>) -> Result<Caller> {
        if !is_formed(secret) {
            return Err(Error::Unauthenticated);
        }
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let token = tokens::find_hash(&mut conn, &hash(secret))
            .await?
            .filter(|token| token.is_live(now) && token.may_come_from(from))
            .ok_or(Error::Unauthenticated)?;
        if token.last_used_at.is_none_or(|at| now - at >= USE_NOTED) {
            tokens::touch(&mut conn, token.id, now).await?;
        }
        as_now(&mut conn, token)
            .await?
            .ok_or(Error::Unauthenticated)
    }

    /// Makes a token, never with more than its maker holds. The secret is shown now and never again.
    pub async fn create(
        &self,
        caller: &Caller,
        create: &CreateToken,
        keep: &Keep<'_, (Token, SecretString)>,
    ) -> Result<(Token, SecretString)> {
        let now = self.store.clock.now();
        caller.must_be_fresh(now)?;
        let (name, allowed_cidrs, expires_at) = create.check(caller, now)?;
        let secret = fresh(random(&*self.store.clock));
        let new = NewToken {
            id: TokenId(self.store.clock.uuid()),
            name: &name,
            secret_hash: &hash(secret.expose_secret()),
            scopes: &create.scopes,
            allowed_cidrs: &allowed_cidrs,
            created_by: &caller.name,
            owner_no: caller.owner,
            created_at: now,
            expires_at,
        };
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
                let token = tokens::insert(conn, &new).await.map_err(taken)?;
                let trace = trace(&caller.name, ("token.create", "token.created"), &token, now);
                let detail = json!({ "name": token.name, "scopes": token.scopes, "expires_at": token.expires_at });
                leave(conn, trace.with(detail)).await?;
                let made = (token, secret.clone());
                keep.answer(conn, &made).await?;
                Ok::<_, Error>(made)
            })
            .await
    }

    /// One page of tokens that are not revoked.
    pub async fn list(&self, after: Option<Uuid>, limit: i64) -> Result<Vec<Token>> {
        let mut conn = self.store.conn().await?;
        Ok(tokens::list(&mut conn, after, limit).await?)
    }

    /// Revokes a token, unless it is of somebody whom the caller could not manage: refused from the answer on.
    pub async fn revoke(&self, by: &Caller, which: &Named) -> Result<Token> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let token = tokens::revoke(conn, which, now)
                .await?
                .ok_or(Error::NotFound("token"))?;
            must_revoke(conn, by, &token).await?;
            let what = ("token.revoke", "token.revoked");
            leave(conn, trace(&by.name, what, &token, now)).await?;
            // whoever holds a channel open by it is looked at, on every instance
            changes::announce(conn).await?;
            Ok(token)
        })
        .await
    }
}

/// The holder of a live token, with never more than its owner may at this moment (S10).
pub(super) async fn as_now(conn: &mut AsyncPgConnection, token: Token) -> Result<Option<Caller>> {
    let role = match token.owner_no {
        None => None,
        Some(owner) => {
            let owner = users::find_number(conn, owner).await?;
            let live = owner.filter(|o| o.suspended_at.is_none() && o.deleted_at.is_none());
            let Some(owner) = live else {
                return Ok(None);
            };
            Some(owner.role)
        }
    };
    let mut caller = Caller::token(token.id, held(token.scopes, role));
    caller.owner = token.owner_no;
    caller.until = token.expires_at;
    caller.only_from = token.allowed_cidrs;
    Ok(Some(caller))
}

/// Its own and those of its owner anybody may revoke who may revoke at all; others' by rank, and one of nobody that
/// reaches further than an admin as if it were a superadmin's.
async fn must_revoke(conn: &mut AsyncPgConnection, by: &Caller, token: &Token) -> Result<()> {
    let own = by.name == format!("token:{}", token.id);
    if own || token.owner_no.is_some() && token.owner_no == by.owner {
        return Ok(());
    }
    match token.owner_no {
        Some(owner) => {
            let owner = users::find_number(conn, owner).await?;
            owner.map_or(Ok(()), |owner| by.must_manage(owner.role))
        }
        None if token.scopes.iter().all(|s| Role::Admin.holds(s)) => Ok(()),
        None => by.must_manage(Role::Superadmin),
    }
}

/// What a token holds whose owner is this, if it has one.
pub(super) fn held(scopes: Vec<String>, owner: Option<Role>) -> Vec<String> {
    let all = scopes.iter().any(|scope| scope == ALL);
    match owner {
        None => scopes,
        Some(Role::Superadmin) if all => scopes,
        Some(role) if all => {
            let held = SCOPES.iter().filter(|scope| role.holds(scope));
            held.map(ToString::to_string).collect()
        }
        Some(role) => {
            let held = scopes.into_iter();
            held.filter(|scope| role.holds(scope)).collect()
        }
    }
}

impl CreateToken {
    fn check(
        &self,
        caller: &Caller,
        now: DateTime<Utc>,
    ) -> Result<(String, Vec<IpNet>, Option<DateTime<Utc>>)> {
        let mut fields = Fields::declared(self);
        let name = fields.take("name", name::name(&self.name));
        for scope in &self.scopes {
            let known = scope == ALL || SCOPES.contains(&scope.as_str());
            if !known {
                fields.wrong(
                    "scopes",
                    format!("{scope:?} is none of {}, *", SCOPES.join(", ")),
                );
            } else if !caller.holds(scope) {
                fields.wrong("scopes", format!("{scope} is more than you hold yourself"));
            }
        }
        let mut cidrs = super::nodes::networks(&mut fields, "allowed_cidrs", &self.allowed_cidrs);
        let from = &caller.only_from;
        for cidr in cidrs.iter().filter(|_| !from.is_empty()) {
            if !from.iter().any(|own| own.contains(cidr)) {
                fields.wrong(
                    "allowed_cidrs",
                    format!("{cidr} lies outside of what your own token is bound to"),
                );
            }
        }
        if self.allowed_cidrs.is_empty() {
            cidrs.clone_from(from);
        }
        if self.expires_at.is_some() && self.expires_in.is_some() {
            fields.wrong("expires_in", "stands beside expires_at: give one of them");
        }
        let span = self
            .expires_in
            .and_then(|s| fields.take("expires_in", super::users::span(s)));
        let expires_at = self.expires_at.or(span.map(|span| now + span));
        fields.check(
            expires_at.is_none_or(|at| at > now),
            "expires_at",
            "lies in the past",
        );
        let given = if self.expires_in.is_some() {
            "expires_in"
        } else {
            "expires_at"
        };
        fields.check(
            expires_at
                .zip(caller.until)
                .is_none_or(|(at, own)| at <= own),
            given,
            "lies after the end of your own token",
        );
        fields.done()?;
        let expires_at = expires_at.or(caller.until);
        Ok((name.unwrap_or_default(), cidrs, expires_at))
    }
}

fn fresh(random: [u8; 20]) -> SecretString {
    let mut text = String::with_capacity(PREFIX.len() + BODY + CHECKSUM);
    text.push_str(PREFIX);
    push_base32(&mut text, &random);
    let sum = checksum(&text);
    text.push_str(&sum);
    text.into()
}

/// Tells a mistyped token from a guess, and a secret scanner what it found.
fn is_formed(secret: &str) -> bool {
    secret.len() == PREFIX.len() + BODY + CHECKSUM
        && secret.starts_with(PREFIX)
        && secret
            .split_at_checked(PREFIX.len() + BODY)
            .is_some_and(|(head, sum)| checksum(head) == sum)
}

fn checksum(head: &str) -> String {
    let mut text = String::new();
    push_base32(&mut text, &Sha256::digest(head));
    text.truncate(CHECKSUM);
    text
}

fn hash(secret: &str) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

fn trace<'a>(
    principal: &'a str,
    what: (&'static str, &'static str),
    token: &Token,
    at: DateTime<Utc>,
) -> Trace<'a> {
    Trace::new(principal, what, format!("token:{}", token.id), at)
}

fn taken(error: diesel::result::Error) -> Error {
    match violated(&error) {
        Some("api_tokens_live_name_unique") => {
            Error::Duplicate("another token has this name".to_owned())
        }
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_token_is_seen() {
        let secret = fresh([7; 20]).expose_secret().to_owned();
        assert!(is_formed(&secret));
        assert_eq!(secret.len(), 51);
        for at in PREFIX.len()..secret.len() {
            let mut typo = secret.clone();
            let other = if &secret[at..=at] == "a" { "b" } else { "a" };
            typo.replace_range(at..=at, other);
            assert!(!is_formed(&typo), "{typo}");
        }
        for wrong in ["", PREFIX, &secret[1..], &format!("{secret}a")] {
            assert!(!is_formed(wrong));
        }
    }
}
