//! The auth hook that Hysteria2 servers call: who calls, how large, what is asked. Everything else is the service's.
//!
//! Every decision about a client is a 200, because Hysteria takes anything else as a refusal and says nothing. The node's
//! secret comes as Basic auth (Go sends it when the URL carries `node:secret@`) or as the last part of the path.
use super::{edge::is_ambiguous, unread::hold};
use crate::{
    hysteria::hook::{self, HookRequest},
    services::admission::{Admission, Answer},
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        Method, StatusCode,
        header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue},
    },
    web::{self, Bytes, BytesMut, Data, Payload, ServiceConfig},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{FutureExt, StreamExt};
use percent_encoding::percent_decode_str;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest body, in bytes.
const MAX_BODY: usize = 16 * 1024;
/// How long a request may take to arrive: below Hysteria's 10 s.
const ARRIVAL: Duration = Duration::from_secs(9);
/// How long a login waits for the directory after a start: Hysteria waits 10 s.
const START_WAIT: Duration = Duration::from_secs(8);

/// Longest `Authorization` that is looked at, decoded: a name of 63 letters and any secret of ours fit thrice.
const MAX_BASIC: usize = 384;

/// The hook's routes; they take no middleware, a login costs what it must. What follows the prefix is read here and not
/// by patterns, each of which is a regular expression that every login would pay for.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(web::scope("/hook/v1").default_service(web::to(ask)));
}

/// `POST /hook/v1/{node}` with Basic auth, or `POST /hook/v1/{node}/{secret}`: the second form, for servers behind
/// something that strips userinfo.
async fn ask(app: Data<Admission>, req: HttpRequest, body: Payload) -> HttpResponse {
    if req.method() != Method::POST {
        return HttpResponse::MethodNotAllowed().finish();
    }
    if is_ambiguous(req.headers()) {
        return HttpResponse::BadRequest().force_close().finish();
    }
    let path = req.match_info().unprocessed();
    let path = path.strip_prefix('/').unwrap_or(path);
    match path.split_once('/') {
        // a node's name has no letter that a URL would escape
        None => {
            let mut room = [0; MAX_BASIC];
            let secret = basic_auth(&req, path, &mut room).unwrap_or_default();
            answer(&app, &req, path, secret, body).await
        }
        Some((node, secret)) => {
            let secret = percent_decode_str(secret).decode_utf8_lossy();
            answer(&app, &req, node, secret.as_bytes(), body).await
        }
    }
}

async fn answer(
    app: &Admission,
    req: &HttpRequest,
    node: &str,
    secret: &[u8],
    body: Payload,
) -> HttpResponse {
    let arrived = Instant::now();
    // until the directory was filled after a start nobody is known, neither nodes nor clients
    if !app.is_filled(arrived + START_WAIT).await {
        let refusal = json(Bytes::from_static(hook::REFUSED));
        return drained(body, arrived, refusal).await;
    }
    let Ok(node) = app.caller(node, secret) else {
        return drained(body, arrived, HttpResponse::Unauthorized().finish()).await;
    };
    if req
        .headers()
        .get_all(CONTENT_ENCODING)
        .any(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        let refusal = HttpResponse::UnsupportedMediaType().finish();
        return drained(body, arrived, refusal).await;
    }
    let body = match read(body, arrived).await {
        Ok(body) => body,
        Err((status, unread)) => {
            let answer = HttpResponseBuilder::new(status).force_close().finish();
            return hold(answer, unread);
        }
    };
    let answer = app
        .admit(&node, HookRequest::parse(&body), arrived + START_WAIT)
        .await;
    app.took(&node, arrived.elapsed());
    match answer {
        Answer::Admitted(id) => json(hook::admitted(&id)),
        Answer::Refused(_) => json(Bytes::from_static(hook::REFUSED)),
    }
}

fn json(body: impl Into<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, HeaderValue::from_static("application/json")))
        .body(body.into())
}

/// The secret of `Authorization: Basic base64(node:secret)`, if the name in it is the path's.
fn basic_auth<'a>(req: &HttpRequest, node: &str, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let header = req.headers().get(AUTHORIZATION)?.as_bytes();
    let encoded = header.strip_prefix(b"Basic ")?;
    let length = BASE64_STANDARD.decode_slice(encoded, room).ok()?;
    let pair = room.get(..length)?;
    pair.strip_prefix(node.as_bytes())?.strip_prefix(b":")
}

/// The whole body, or the status that ends the connection.
async fn read(mut body: Payload, arrived: Instant) -> Result<Bytes, (StatusCode, Payload)> {
    let mut whole: Option<BytesMut> = None;
    let mut first = Bytes::new();
    loop {
        // what is here already needs no timer
        let next = match body.next().now_or_never() {
            Some(next) => next,
            None => match timeout_at(arrived + ARRIVAL, body.next()).await {
                Ok(next) => next,
                Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, body)),
            },
        };
        let Some(chunk) = next else { break };
        let Ok(chunk) = chunk else {
            return Err((StatusCode::BAD_REQUEST, body));
        };
        let held = whole.as_ref().map_or(first.len(), BytesMut::len);
        if held + chunk.len() > MAX_BODY {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, body));
        }
        // nearly every body comes in one piece: that one is not copied
        if held == 0 {
            first = chunk;
        } else {
            whole
                .get_or_insert_with(|| BytesMut::from(&*first))
                .extend_from_slice(&chunk);
        }
    }
    Ok(whole.map_or(first, BytesMut::freeze))
}

/// Reads and drops, so that a keep-alive connection survives a refusal; what is too large or too slow ends it.
async fn drained(body: Payload, arrived: Instant, refusal: HttpResponse) -> HttpResponse {
    match read(body, arrived).await {
        Ok(_) => refusal,
        Err((_, unread)) => hold(refusal, unread),
    }
}
