//! `Idempotency-Key` on requests that make things: the same key and body get the same answer, and nothing is done twice.
//!
//! A handler takes [`Once`], and hands the service the `Keep` that it is given:
//! `once.created::<_, UserView>(&app, async |keep| app.users.create(&by.name, &body, keep).await).await`.
use super::request::AskedBy;
use crate::{
    error::{Error, Result},
    services::{
        Services,
        idempotency::{Asked, Claim, Idempotency, Keep, Known, Rendered},
    },
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest, HttpResponse, dev::Payload, http::StatusCode,
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::future::{Ready, ready};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

/// The header.
pub const KEY: &str = "idempotency-key";
const LONGEST: usize = 255;

/// The header, as the document describes it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described: `Once` reads it")]
struct KeyHeader {
    /// The caller's own word for this request: repeated with it and the same body, it is done once.
    #[param(
        rename = "Idempotency-Key",
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    idempotency_key: Option<String>,
}

/// SHA-256 of the body, left by the extractor that read it.
#[derive(Clone, Copy, Debug)]
pub struct BodyDigest(pub [u8; 32]);

impl IntoParams for Once {
    fn into_params(stands: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        KeyHeader::into_params(stands)
    }
}

/// Does what a request asks once, if the request carries a key.
pub struct Once {
    req: HttpRequest,
    key: Option<String>,
}

impl FromRequest for Once {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut given = req.headers().get_all(KEY);
        let key = match (given.next(), given.next()) {
            (None, _) => Ok(None),
            (Some(key), None) => key
                .to_str()
                .ok()
                .filter(|key| (1..=LONGEST).contains(&key.len()))
                .filter(|key| key.bytes().all(|b| b.is_ascii_graphic()))
                .map(|key| Some(key.to_owned()))
                .ok_or_else(|| {
                    Error::field(
                        KEY,
                        format!("must be 1 to {LONGEST} visible ASCII characters"),
                    )
                }),
            (Some(_), Some(_)) => Err(Error::field(KEY, "is given twice")),
        };
        let req = req.clone();
        ready(key.map(|key| Self { req, key }))
    }
}

impl Once {
    /// Forgets the key of a request that changes nothing: there is nothing to do twice.
    pub fn unless(mut self, changes_nothing: bool) -> Self {
        self.key = self.key.filter(|_| !changes_nothing);
        self
    }

    /// A 201 with what was made.
    pub async fn created<T: Clone + Sync, V: Serialize + From<T>>(
        self,
        app: &Services,
        work: impl AsyncFnOnce(&Keep<'_, T>) -> Result<T>,
    ) -> Result<HttpResponse> {
        let view = |made: &T| V::from(made.clone());
        self.run(app, StatusCode::CREATED, work, view).await
    }

    /// A 200 with what was done.
    pub async fn done<T: Clone + Sync, V: Serialize + From<T>>(
        self,
        app: &Services,
        work: impl AsyncFnOnce(&Keep<'_, T>) -> Result<T>,
    ) -> Result<HttpResponse> {
        let view = |made: &T| V::from(made.clone());
        self.run(app, StatusCode::OK, work, view).await
    }

    /// Any status, any view. What is answered is never cached on the way.
    pub async fn run<T: Sync, V: Serialize>(
        self,
        app: &Services,
        status: StatusCode,
        work: impl AsyncFnOnce(&Keep<'_, T>) -> Result<T>,
        view: impl Fn(&T) -> V + Send + Sync,
    ) -> Result<HttpResponse> {
        let render = |made: &T| -> Result<Rendered> {
            let body = serde_json::to_string(&view(made)).map_err(anyhow::Error::from)?;
            let status = status.as_u16();
            Ok(Rendered { status, body })
        };
        let Some(key) = &self.key else {
            let made = work(&Keep::nothing()).await?;
            return Ok(answer(render(&made)?, false));
        };
        let asked = Asked {
            principal: &self.principal(),
            key,
            request: self.digest(),
        };
        let claim = match app.idempotency.claim(&asked).await? {
            Known::Done(rendered) => return Ok(answer(rendered, true)),
            Known::Fresh(claim) => claim,
        };
        let mut held = Held {
            idempotency: app.idempotency.clone(),
            claim: Some(claim.clone()),
        };
        let made = match work(&Keep::under(&claim, &render)).await {
            Ok(made) => made,
            Err(refused) => {
                held.give_up().await;
                return Err(refused);
            }
        };
        held.claim = None;
        Ok(answer(render(&made)?, false))
    }

    fn principal(&self) -> String {
        let left = self.req.extensions();
        left.get::<AskedBy>()
            .map_or_else(String::new, |by| by.0.clone())
    }

    fn digest(&self) -> [u8; 32] {
        let body = self.req.extensions().get::<BodyDigest>().copied();
        let mut hash = Sha256::new();
        for part in [
            self.req.method().as_str(),
            self.req.path(),
            self.req.query_string(),
        ] {
            hash.update(part);
            hash.update([0]);
        }
        hash.update(body.map_or([0; 32], |digest| digest.0));
        hash.finalize().into()
    }
}

/// A claim that is given up unless the work was done, also when its client goes away in between.
struct Held {
    idempotency: Idempotency,
    claim: Option<Claim>,
}

impl Held {
    async fn give_up(mut self) {
        if let Some(claim) = self.claim.take() {
            release(&self.idempotency, &claim).await;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(claim) = self.claim.take() {
            let idempotency = self.idempotency.clone();
            actix_web::rt::spawn(async move { release(&idempotency, &claim).await });
        }
    }
}

async fn release(idempotency: &Idempotency, claim: &Claim) {
    // a claim that cannot be given up now ends by itself
    if let Err(error) = idempotency.release(claim).await {
        tracing::warn!(%error, "an idempotency key stays claimed");
    }
}

fn answer(rendered: Rendered, replayed: bool) -> HttpResponse {
    let status = StatusCode::from_u16(rendered.status).unwrap_or(StatusCode::OK);
    let mut answer = HttpResponse::build(status);
    answer
        .insert_header(("cache-control", "no-store"))
        .content_type("application/json");
    if replayed {
        answer.insert_header(("idempotency-replayed", "true"));
    }
    answer.body(rendered.body)
}
