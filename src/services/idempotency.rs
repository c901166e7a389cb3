//! Doing a thing once however often it is asked: a caller's `Idempotency-Key` keeps the answer for a day.
//!
//! The answer is rendered and sealed inside the transaction of its effect, so that a crash between the effect and the
//! answer leaves both or neither: whoever repeats the request gets the answer that was lost.
use crate::{
    error::{Error, Result},
    keyring::{Keyring, Place},
    repositories::kept_answers::{self, NewClaim},
    services::store::Store,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncPgConnection;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// How long an answer is kept.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// Longer than any request may take: an attempt without an answer is over by then.
const HELD: TimeDelta = TimeDelta::seconds(45);

/// The service.
#[derive(Clone)]
pub struct Idempotency {
    pub store: Store,
    pub keyring: Arc<Keyring>,
}

/// A request that may be a repetition.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// Keys are a principal's own.
    pub principal: &'a str,
    pub key: &'a str,
    /// SHA-256 of method, path and body.
    pub request: [u8; 32],
}

/// An answer as it is kept: what a repetition gets, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    pub status: u16,
    /// JSON.
    pub body: String,
}

/// The right to do the thing.
#[derive(Clone, Debug)]
pub struct Claim {
    id: [u8; 32],
    attempt: Uuid,
    keyring: Arc<Keyring>,
}

/// What is known of a request.
#[derive(Debug)]
pub enum Known {
    /// Nothing: do it.
    Fresh(Claim),
    /// It was done, and this was the answer.
    Done(Rendered),
}

/// How a thing that was made becomes the answer that is kept.
type Render<'a, T> = &'a (dyn Fn(&T) -> Result<Rendered> + Send + Sync);

/// Keeps the answer of a thing of type `T`, if its caller asked for that.
pub struct Keep<'a, T>(Option<(&'a Claim, Render<'a, T>)>);

impl Idempotency {
    /// Claims the caller's key for this request, or finds out that it was answered. Another request under the same key
    /// is refused, and so is one that is still being worked on.
    pub async fn claim(&self, asked: &Asked<'_>) -> Result<Known> {
        let now = self.store.clock.now();
        let id: [u8; 32] = Sha256::digest([asked.principal, asked.key].join("\0")).into();
        let request = BASE64_STANDARD.encode(asked.request);
        let claim = Claim {
            id,
            attempt: self.store.clock.uuid(),
            keyring: self.keyring.clone(),
        };
        let row = row(&id);
        let request_sealed = self
            .keyring
            .seal(&place("request_sealed", &row), &request)?;
        let new = NewClaim {
            id: &id,
            claim: claim.attempt,
            request_sealed: &request_sealed,
            created_at: now,
            held_until: now + HELD,
        };
        let mut conn = self.store.conn().await?;
        if kept_answers::claim(&mut conn, &new, now - KEPT).await? {
            return Ok(Known::Fresh(claim));
        }
        // its holder may have given up at this very moment
        let kept = kept_answers::find(&mut conn, &id)
            .await?
            .ok_or(Error::InFlight)?;
        let before = self
            .keyring
            .open(&place("request_sealed", &row), &kept.request_sealed)?;
        if before.expose_secret() != request {
            return Err(Error::KeyReused);
        }
        let (Some(status), Some(sealed)) = (kept.status, kept.answer_sealed) else {
            return Err(Error::InFlight);
        };
        let body = self.keyring.open(&place("answer_sealed", &row), &sealed)?;
        Ok(Known::Done(Rendered {
            status: u16::try_from(status).unwrap_or(200),
            body: body.expose_secret().to_owned(),
        }))
    }

    /// Gives up a claim: nothing was done, the key is free again.
    pub async fn release(&self, claim: &Claim) -> Result<()> {
        let mut conn = self.store.conn().await?;
        kept_answers::release(&mut conn, &claim.id, claim.attempt).await?;
        Ok(())
    }
}

impl<'a, T> Keep<'a, T> {
    /// Nobody asked for it.
    pub fn nothing() -> Self {
        Self(None)
    }

    /// Under this claim.
    pub fn under(claim: &'a Claim, render: Render<'a, T>) -> Self {
        Self(Some((claim, render)))
    }

    /// To be called at the end of the transaction that made the thing.
    pub async fn answer(&self, conn: &mut AsyncPgConnection, made: &T) -> Result<()>
    where
        T: Sync,
    {
        let Some((claim, render)) = self.0 else {
            return Ok(());
        };
        let rendered = render(made)?;
        let row = row(&claim.id);
        let sealed = claim
            .keyring
            .seal(&place("answer_sealed", &row), &rendered.body)?;
        let status = i16::try_from(rendered.status).unwrap_or(200);
        // somebody took the claim over: this attempt is past its deadline, and must not take effect
        if kept_answers::answer(conn, &claim.id, claim.attempt, status, &sealed).await? {
            Ok(())
        } else {
            Err(Error::InFlight)
        }
    }
}

/// Before this instant nothing is kept.
pub fn horizon(now: DateTime<Utc>) -> DateTime<Utc> {
    now - KEPT
}

fn row(id: &[u8; 32]) -> String {
    BASE64_STANDARD.encode(id)
}

fn place<'a>(column: &'static str, row: &'a str) -> Place<'a> {
    Place {
        table: "kept_answers",
        column,
        row,
    }
}
