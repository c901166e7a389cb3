//! What every request passes before any extractor: it gets an id, a deadline and a log line; a compressed or
//! oversized body is refused unread.
use super::{
    browser, json, maintenance, principal,
    problem::Problem,
    request::{AskedBy, Deadlines},
    unread::{Unread, hold},
};
use crate::{
    clock::Clock,
    services::{Services, refusals::Refused},
    telemetry::{Metrics, request::with_id},
};
use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        Method, StatusCode,
        header::{
            CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING,
        },
    },
    middleware::Next,
    web::Data,
};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// What may take longer than the rest, by so much: followers wait, and some work is measured by what there is.
const LONGER: Duration = Duration::from_secs(30);
const LONG: [&str; 7] = [
    "/api/v1/admin/",
    "/api/v1/hysteria/reload",
    // a node is read when it is added, tested or changed, and may take its 30 s
    "/api/v1/nodes",
    "/api/v1/servers",
    "/api/v1/users:batch",
    "/api/v1/devices:batch",
    "/api/v1/plans/",
];
/// And what renews every device of a user.
const RENEWS_ALL: &str = "/reset-credentials";
/// The longest address and the longest head that are taken (I6).
const LONGEST_ADDRESS: usize = 8 * 1024;
const LONGEST_HEAD: usize = 16 * 1024;

/// What is written down of somebody who is known.
const REFUSALS: [StatusCode; 3] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::TOO_MANY_REQUESTS,
];

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request as it came, for the end of its answer: by then the routes have it, and of one that is late they keep it.
struct Asked {
    id: Uuid,
    started: Instant,
    method: Method,
    /// The pattern, never the path: a path may hold a name that is nobody's business.
    route: String,
    by: Option<String>,
    is_tls: bool,
    /// The page that may read the answer.
    shared: Option<HeaderValue>,
}

impl Asked {
    fn new(id: Uuid, req: &ServiceRequest) -> Self {
        Self {
            id,
            started: Instant::now(),
            method: req.method().clone(),
            route: req.match_pattern().unwrap_or_default(),
            by: None,
            is_tls: browser::is_tls(req.request()),
            shared: browser::allowed(req.request()),
        }
    }

    /// What is left of every refusal.
    async fn heed<B>(&self, res: &ServiceResponse<B>) {
        let request = res.request();
        match &self.by {
            Some(principal) if REFUSALS.contains(&res.status()) => {
                let why = res.response().error();
                let why = why.and_then(Error::as_error::<crate::error::Error>);
                let refused = Refused {
                    principal,
                    method: self.method.as_str(),
                    route: &self.route,
                    code: why.map_or("forbidden", crate::error::Error::word),
                };
                note(request, refused).await;
            }
            None if res.status() == StatusCode::UNAUTHORIZED => {
                if let Some(app) = request.app_data::<Data<Services>>() {
                    app.logins.metrics.unauthenticated.inc();
                }
            }
            _ => {}
        }
    }

    /// Counts the answer, writes its line, and says in it what every answer says.
    fn close(
        self,
        metrics: &Metrics,
        status: StatusCode,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        let Self {
            id,
            method,
            route,
            by,
            ..
        } = self;
        let took = self.started.elapsed();
        metrics
            .http_requests
            .with_label_values(&[label(&method), &route, status.as_str()])
            .inc();
        metrics
            .http_duration
            .with_label_values(&[label(&method), &route])
            .observe(took.as_secs_f64());
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let status = status.as_u16();
        tracing::info!(target: "hywarden::api", request_id = %id, %method, route, status, ms, by, "answered");
        headers.insert(REQUEST_ID, HeaderValue::try_from(id.to_string())?);
        browser::harden(headers, self.is_tls);
        if let Some(origin) = self.shared {
            browser::share(headers, origin);
        }
        Ok(())
    }
}

/// The guard of the API's scope.
pub async fn edge<B: MessageBody + 'static>(
    clock: Data<dyn Clock>,
    metrics: Data<Metrics>,
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let id = clock.uuid();
    let mut asked = Asked::new(id, &req);
    let answer = Box::pin(guarded(&mut asked, req, next));
    match with_id(id, answer).await {
        Ok(mut res) => {
            asked.heed(&res).await;
            asked.close(&metrics, res.status(), res.headers_mut())?;
            Ok(res)
        }
        Err(error) => {
            let mut answer = error.error_response();
            asked.close(&metrics, answer.status(), answer.headers_mut())?;
            Err(InternalError::from_response(error, answer).into())
        }
    }
}

/// A method for the figures: callers may make words up, labels are few.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// An attempt that was refused to somebody who is known leaves a row (K4).
async fn note(req: &HttpRequest, refused: Refused<'_>) {
    if let Some(app) = req.app_data::<Data<Services>>()
        && let Err(error) = app.refusals.note(refused).await
    {
        tracing::error!(%error, by = refused.principal, route = refused.route, "a refused attempt was not written down");
    }
}

async fn guarded<B: MessageBody + 'static>(
    asked: &mut Asked,
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if browser::is_preflight(req.request()) {
        let mut answer = HttpResponse::NoContent().finish();
        if browser::allowed(req.request()).is_some() {
            browser::permit(answer.headers_mut());
        }
        return Ok(req.into_response(answer).map_into_right_body());
    }
    if let Some(refusal) = refused(&req, &asked.route) {
        let unread = req.take_payload();
        let answer = hold(refusal.response(), unread);
        return Ok(req.into_response(answer).map_into_right_body());
    }
    let allowance = allowance(&req);
    let answer = async {
        // who asks is known before any extractor looks at the body
        principal::identify(&req).await;
        asked.by = req.extensions().get::<AskedBy>().map(|by| by.0.clone());
        next.call(req).await
    };
    match tokio::time::timeout(allowance, answer).await {
        Ok(answer) => Ok(with_unread(answer?)),
        // routing needs the request to itself, so there is none left here to answer: an error carries the answer
        Err(_) => Err(late()),
    }
}

/// The answer; with what an extractor left of the body, if it did.
fn with_unread<B: MessageBody + 'static>(
    answer: ServiceResponse<B>,
) -> ServiceResponse<EitherBody<B>> {
    let left = answer.request().extensions_mut().remove::<Unread>();
    match left {
        None => answer.map_into_left_body(),
        Some(Unread(unread)) => {
            let (req, answer) = answer.into_parts();
            let answer = hold(answer.map_into_boxed_body(), unread);
            ServiceResponse::new(req, answer).map_into_right_body()
        }
    }
}

fn allowance(req: &ServiceRequest) -> Duration {
    let deadlines: Option<&Data<Deadlines>> = req.app_data();
    let usual = deadlines.map_or(LONGER, |deadlines| deadlines.request);
    let is_long =
        LONG.iter().any(|start| req.path().starts_with(start)) || req.path().ends_with(RENEWS_ALL);
    if is_long || req.query_string().contains("wait=") {
        usual + LONGER
    } else {
        usual
    }
}

fn late() -> Error {
    let (status, detail) = (StatusCode::SERVICE_UNAVAILABLE, "the answer took too long");
    let answer = Problem::new(status, "deadline", detail).response();
    tracing::error!(target: "hywarden::api", "a request passed its deadline");
    InternalError::from_response(detail, answer).into()
}

fn refused(req: &ServiceRequest, route: &str) -> Option<Problem> {
    if let Some(refusal) = shapeless(req) {
        return Some(refusal);
    }
    if let Some(refusal) = maintenance::refused(req, route) {
        return Some(refusal);
    }
    let encoded = req
        .headers()
        .get_all(CONTENT_ENCODING)
        .any(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Some(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "content_encoding",
            "request bodies are taken uncompressed only",
        ));
    }
    let address = req.uri().path_and_query().map_or("", |at| at.as_str());
    if address.contains("%00") {
        return Some(Problem::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "the address holds the character U+0000, which no name has",
        ));
    }
    let announced: Option<usize> = req
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse().ok());
    announced.filter(|n| *n > json::LIMIT).map(|_| {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            format!("the body is longer than {} bytes", json::LIMIT),
        )
    })
}

/// A head that no client of ours sends.
fn shapeless(req: &ServiceRequest) -> Option<Problem> {
    let headers = req.headers();
    if is_ambiguous(headers) {
        let detail = "a body has a length or comes in pieces, never both";
        return Some(Problem::new(StatusCode::BAD_REQUEST, "ambiguous", detail));
    }
    let address = req.uri().path_and_query().map_or("", |at| at.as_str());
    if address.len() > LONGEST_ADDRESS {
        let detail = format!("the address is longer than {LONGEST_ADDRESS} bytes");
        return Some(Problem::new(StatusCode::URI_TOO_LONG, "too_long", detail));
    }
    // each line with its colon, its space and its end
    let lines = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    (lines.sum::<usize>() > LONGEST_HEAD).then(|| {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let detail = format!("the headers are longer than {LONGEST_HEAD} bytes");
        Problem::new(status, "too_long", detail)
    })
}

/// Whether somebody in between may have seen another end of the body than we do (I5).
pub fn is_ambiguous(headers: &HeaderMap) -> bool {
    headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING)
}
