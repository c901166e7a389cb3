//! Errors as `application/problem+json` (RFC 9457): the one place where a domain error meets HTTP.
use super::codes;
use crate::{
    error::{Error, FieldError},
    telemetry::request::request_id,
};
use actix_web::{
    HttpRequest, HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ALLOW, HeaderValue, RETRY_AFTER},
    },
    web::{Data, PathConfig},
};
use serde::Serialize;
use std::collections::HashMap;
use utoipa::ToSchema;
use uuid::Uuid;

/// What a client gets instead of an answer; `code` is stable, `detail` is for people.
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the code says which problem it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Stable word for programs.
    #[schema(schema_with = codes::schema)]
    pub code: &'static str,
    /// A sentence for people; absent when the failure is the server's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The fields that are wrong, each with what is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    /// The same id stands in the answer's `X-Request-Id` and in the log.
    pub request_id: Option<Uuid>,
}

/// One wrong field.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProblemField {
    /// Its name as the caller wrote it, dotted for nested ones.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// After these the connection is of no more use: where the next request begins is not known, or not worth waiting for.
const ENDING: [&str; 4] = ["ambiguous", "slow", "too_large", "too_long"];

impl Problem {
    /// A server's own failure gets no detail: that goes to the log, under the request's id.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a sentence, however the caller made it"
    )]
    pub fn new(status: StatusCode, code: &'static str, detail: impl ToString) -> Self {
        debug_assert!(
            codes::is_known(status.as_u16(), code),
            "{status} {code} stands in no list"
        );
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            code,
            detail: (!status.is_server_error()).then(|| detail.to_string()),
            errors: Vec::new(),
            request_id: request_id(),
        }
    }

    /// Names the wrong fields.
    pub fn with_fields(mut self, fields: &[FieldError]) -> Self {
        self.errors = fields
            .iter()
            .map(|f| ProblemField {
                field: f.field.clone(),
                message: f.message.clone(),
            })
            .collect();
        self
    }

    /// The answer that carries it.
    pub fn response(self) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            answer.insert_header(("retry-after", "2"));
        }
        // what is left of the request is not waited for
        if ENDING.contains(&self.code) {
            answer.force_close();
        }
        if self.code == "in_flight" {
            answer.insert_header(("retry-after", "1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            answer.insert_header(("www-authenticate", "Bearer realm=\"hywarden\""));
        }
        answer
            .insert_header(("cache-control", "no-store"))
            .content_type("application/problem+json")
            .json(self)
    }
}

impl Error {
    /// The stable word for programs.
    pub fn word(&self) -> &'static str {
        self.code().1
    }

    fn code(&self) -> (StatusCode, &'static str) {
        use diesel::result::{DatabaseErrorKind, Error as Db};
        match self {
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Malformed(_) => (StatusCode::BAD_REQUEST, "malformed"),
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "slow"),
            Self::ContentType | Self::FormNeeded => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type")
            }
            Self::PasswordInUrl => (StatusCode::BAD_REQUEST, "password_in_url"),
            Self::Duplicate(_) => (StatusCode::CONFLICT, "duplicate"),
            Self::DeviceLimit(_) => (StatusCode::CONFLICT, "device_limit"),
            Self::State(_) => (StatusCode::CONFLICT, "state"),
            Self::Changed => (StatusCode::PRECONDITION_FAILED, "changed"),
            Self::InFlight => (StatusCode::CONFLICT, "in_flight"),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
            Self::NotBuilt(_) => (StatusCode::NOT_IMPLEMENTED, "not_built"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::BadLogin => (StatusCode::UNAUTHORIZED, "bad_login"),
            Self::TooMany(_) => (StatusCode::TOO_MANY_REQUESTS, "rate_limited"),
            Self::Refused(code, _) => (StatusCode::FORBIDDEN, code),
            Self::Rank(_) => (StatusCode::FORBIDDEN, "rank"),
            Self::NeedsLogin => (StatusCode::FORBIDDEN, "login_needed"),
            Self::NotFresh => (StatusCode::FORBIDDEN, "not_fresh"),
            Self::Stats(_) => (StatusCode::BAD_GATEWAY, "stats"),
            Self::Unavailable(_)
            | Self::Pool(_)
            | Self::Database(Db::DatabaseError(
                DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
                _,
            )) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Database(Db::DatabaseError(_, info)) if is_farewell(info.message()) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            Self::Database(Db::DatabaseError(DatabaseErrorKind::SerializationFailure, _)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "busy")
            }
            // one of two that waited for each other was given up: asked again, it comes after the other
            Self::Database(Db::DatabaseError(_, info)) if is_deadlock(info.message()) => {
                (StatusCode::SERVICE_UNAVAILABLE, "busy")
            }
            Self::Database(Db::DatabaseError(DatabaseErrorKind::ReadOnlyTransaction, _)) => {
                (StatusCode::SERVICE_UNAVAILABLE, "read_only")
            }
            Self::Database(_) | Self::Internal(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal")
            }
        }
    }
}

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        self.code().0
    }
    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.code();
        if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED {
            tracing::error!(error = ?self, code, "request failed");
        }
        let mut problem = Problem::new(status, code, self);
        // the node's failure is no secret of ours, and the caller is the one who can mend it
        if let Self::Stats(_) | Self::NotBuilt(_) = self {
            problem.detail = Some(self.to_string());
        }
        if let Self::Unavailable(what) = self {
            problem.detail = Some(format!("{what} is not available, try again"));
        }
        let mut answer = match self {
            Self::Invalid(fields) => problem.with_fields(fields),
            _ => problem,
        }
        .response();
        if let Self::TooMany(seconds) = self {
            answer
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(*seconds));
        }
        answer
    }
}

/// PostgreSQL's 57P01 to 57P03, its last words on a connection or its first when it is not ready; by its words, as below.
fn is_farewell(message: &str) -> bool {
    message.starts_with("terminating connection") || message.starts_with("the database system is ")
}

/// PostgreSQL's 40P01. The driver hands on its words and not its code; where `lc_messages` is another language a deadlock stays
/// an error of the server's own.
fn is_deadlock(message: &str) -> bool {
    message == "deadlock detected"
}

/// A path that cannot name an object names none.
pub fn path() -> PathConfig {
    PathConfig::default().error_handler(|_, _| Error::NotFound("object").into())
}

/// The methods of each path that the document describes, as `Allow` says them.
#[derive(Clone, Debug, Default)]
pub struct Methods(pub HashMap<String, String>);

/// Where no route is: also a problem, and in the same words.
pub async fn no_route(req: HttpRequest) -> HttpResponse {
    let methods = req.app_data::<Data<Methods>>();
    let allowed = req
        .match_pattern()
        .and_then(|pattern| methods?.0.get(&pattern));
    let Some(allowed) = allowed.and_then(|list| HeaderValue::from_str(list).ok()) else {
        return nothing();
    };
    let (status, detail) = (StatusCode::METHOD_NOT_ALLOWED, "not with this method");
    let mut answer = Problem::new(status, "method", detail).response();
    answer.headers_mut().insert(ALLOW, allowed);
    answer
}

/// As if nothing were there.
pub fn nothing() -> HttpResponse {
    Problem::new(StatusCode::NOT_FOUND, "no_route", "no such route").response()
}
