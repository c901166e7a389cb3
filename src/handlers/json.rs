//! JSON bodies, at most 64 KiB, whose errors name the field.
use super::{
    idempotency::{BodyDigest, KEY},
    principal,
    request::Deadlines,
    unread::Unread,
};
use crate::error::{Error, FieldError};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header::CONTENT_TYPE, web,
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tokio::time::timeout;

/// The longest body that is read.
pub const LIMIT: usize = 64 * 1024;

/// A body. An empty one is read as `{}`, so that what is missing is named.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// A body of somebody who is not known yet: at most 4 KiB (I1).
#[derive(Debug)]
pub struct Small<T>(pub T);

/// The longest such body.
const SMALL: usize = 4 * 1024;

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = body(req, payload, LIMIT);
        Box::pin(async move { read.await.map(Self) })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Small<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let read = body(req, payload, SMALL);
        Box::pin(async move { read.await.map(Self) })
    }
}

fn body<T: DeserializeOwned>(
    req: &HttpRequest,
    payload: &mut Payload,
    limit: usize,
) -> impl Future<Output = Result<T, Error>> + use<T> {
    let is_json = req
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|v| {
            let kind = v.split(';').next().unwrap_or_default().trim();
            kind.eq_ignore_ascii_case("application/json")
                || kind.eq_ignore_ascii_case("application/merge-patch+json")
        });
    let (payload, passed) = (payload.take(), principal::passed(req));
    let arrival = arrival(req);
    // who repeats a request must repeat its body
    let is_repeatable = req.headers().contains_key(KEY);
    let req = req.clone();
    async move {
        passed.await;
        let body = read(&req, payload, limit, arrival).await?;
        if is_repeatable {
            let digest = BodyDigest(Sha256::digest(&body).into());
            req.extensions_mut().insert(digest);
        }
        if body.is_empty() {
            return parse(b"{}");
        }
        if !is_json {
            return Err(Error::ContentType);
        }
        parse(&body)
    }
}

/// How long a body may take to arrive.
pub fn arrival(req: &HttpRequest) -> Duration {
    let deadlines: Option<&web::Data<Deadlines>> = req.app_data();
    deadlines.map_or(Duration::MAX, |deadlines| deadlines.body)
}

/// The whole body, at most so long, in so much time.
pub async fn read(
    req: &HttpRequest,
    mut payload: Payload,
    limit: usize,
    arrival: Duration,
) -> Result<web::BytesMut, Error> {
    let mut body = web::BytesMut::new();
    let whole = async {
        while let Some(part) = payload.next().await {
            let part = part.map_err(|e| Error::Malformed(e.to_string()))?;
            if body.len() + part.len() > limit {
                return Err(Error::TooLarge(limit));
            }
            body.extend_from_slice(&part);
        }
        Ok(())
    };
    let whole = timeout(arrival, whole).await;
    let Ok(Ok(())) = whole else {
        req.extensions_mut().insert(Unread(payload));
        return Err(whole.map_or(Error::Slow, |read| read.err().unwrap_or(Error::Slow)));
    };
    Ok(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    // the database's texts cannot hold it; looked for properly only where it may be
    if body.windows(6).any(|part| part == b"\\u0000")
        && serde_json::from_slice(body).is_ok_and(|value| holds_nul(&value))
    {
        return Err(Error::Malformed(
            "a text holds the character U+0000".to_owned(),
        ));
    }
    // serde would take a list for an object whose fields it holds in their order
    if body.trim_ascii_start().first() != Some(&b'{') && is_json(body) {
        return Err(Error::field(".", "must be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|e| {
        if e.inner().is_data() {
            wrong(&e)
        } else {
            Error::Malformed(e.inner().to_string())
        }
    })?;
    json.end().map_err(|e| Error::Malformed(e.to_string()))?;
    Ok(value)
}

fn is_json(body: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

/// Whether a text in it, or a key, holds U+0000.
pub fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

/// Turns serde's error into the field it is about.
pub fn wrong<E: std::error::Error>(error: &serde_path_to_error::Error<E>) -> Error {
    let text = error.inner().to_string();
    let message = text.split(" at line ").next().unwrap_or(&text).to_owned();
    let path = error.path().to_string();
    // of a field that is unknown or missing, the path is that of the object around it
    let named = ["unknown field `", "missing field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    let field = match named {
        Some(name) if path == "." || path.is_empty() => name.to_owned(),
        Some(name) if path != name && !path.ends_with(&format!(".{name}")) => {
            format!("{path}.{name}")
        }
        _ => path,
    };
    let message = if message.starts_with("missing field") {
        "is required".to_owned()
    } else if message.starts_with("unknown field") {
        "is not known here".to_owned()
    } else {
        message
    };
    Error::Invalid(vec![FieldError { field, message }])
}

/// Tells `null` from absent: absent leaves a value, `null` removes it. Use with `#[serde(default, deserialize_with)]`.
pub fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}
