//! `ETag` and `If-Match`: a change that was thought out on an older version than the present one is refused.
//!
//! An object's tag is its `version` in quotes. It rises with each change that people make, and not with counted bytes.
use crate::{error::Error, services::store::Seen};
use actix_web::{
    FromRequest, HttpRequest, HttpResponseBuilder,
    dev::Payload,
    http::header::{ETAG, IF_MATCH},
};
use std::future::{Ready, ready};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

/// The header, as the document describes it.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only described: `IfMatch` reads it")]
struct IfMatchHeader {
    /// The `ETag` that was seen; the change is refused if the object has another by now.
    #[param(rename = "If-Match", example = "\"7\"")]
    if_match: Option<String>,
}

/// What the caller saw before it thought of its change.
#[derive(Debug)]
pub struct IfMatch(pub Seen);

impl IntoParams for IfMatch {
    fn into_params(stands: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        IfMatchHeader::into_params(stands)
    }
}

impl FromRequest for IfMatch {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut given = req.headers().get_all(IF_MATCH).peekable();
        if given.peek().is_none() {
            return ready(Ok(Self(Seen::Anything)));
        }
        let tags: Vec<&str> = given
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(','))
            .map(str::trim)
            .collect();
        if tags == ["*"] {
            return ready(Ok(Self(Seen::Anything)));
        }
        // a weak tag, and one that is none of ours, match nothing
        let version = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        let versions = tags.into_iter().filter_map(version).collect();
        ready(Ok(Self(Seen::Versions(versions))))
    }
}

/// Adds the tag of a version to an answer.
pub fn tag(mut answer: HttpResponseBuilder, version: i64) -> HttpResponseBuilder {
    answer.insert_header((ETAG, format!("\"{version}\"")));
    answer
}
