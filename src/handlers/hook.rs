//! The auth hook that Hysteria2 servers call: who calls, how large, what is asked. Everything else is the service's.
//!
//! Every decision about a client is a 200, because Hysteria takes anything else as a refusal and says nothing. The node's
//! secret comes as Basic auth (Go sends it when the URL carries `node:secret@`) or as the last part of the path.
use crate::{
    hysteria::hook::{self, HookRequest},
    services::admission::{Admission, Answer},
};
use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{AUTHORIZATION, CONTENT_ENCODING, ContentType},
    },
    post,
    web::{Bytes, BytesMut, Data, Path, Payload, ServiceConfig},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest body, in bytes.
const MAX_BODY: usize = 16 * 1024;
/// How long a request may take to arrive: below Hysteria's 10 s.
const ARRIVAL: Duration = Duration::from_secs(9);
/// How long a login waits for the directory after a start: Hysteria waits 10 s.
const START_WAIT: Duration = Duration::from_secs(8);

/// The hook's routes; they take no middleware, a login costs what it must.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(ask).service(ask_with_secret_in_path);
}

/// `POST /hook/v1/{node}` with Basic auth.
#[post("/hook/v1/{node}")]
async fn ask(
    app: Data<Admission>,
    req: HttpRequest,
    node: Path<String>,
    body: Payload,
) -> HttpResponse {
    let secret = basic_auth(&req, &node).unwrap_or_default();
    answer(&app, &req, &node, &secret, body).await
}

/// `POST /hook/v1/{node}/{secret}`: the second form, for servers behind something that strips userinfo.
#[post("/hook/v1/{node}/{secret}")]
async fn ask_with_secret_in_path(
    app: Data<Admission>,
    req: HttpRequest,
    path: Path<(String, String)>,
    body: Payload,
) -> HttpResponse {
    let (node, secret) = path.into_inner();
    answer(&app, &req, &node, &secret, body).await
}

async fn answer(
    app: &Admission,
    req: &HttpRequest,
    node: &str,
    secret: &str,
    body: Payload,
) -> HttpResponse {
    let arrived = Instant::now();
    // until the directory was filled after a start nobody is known, neither nodes nor clients
    if !app.is_filled(arrived + START_WAIT).await {
        drain(body, arrived).await;
        return json(Bytes::from_static(hook::REFUSED));
    }
    let Ok(node) = app.caller(node, secret) else {
        drain(body, arrived).await;
        return HttpResponse::Unauthorized().finish();
    };
    if req
        .headers()
        .get_all(CONTENT_ENCODING)
        .any(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        drain(body, arrived).await;
        return HttpResponse::UnsupportedMediaType().finish();
    }
    let body = match read(body, arrived).await {
        Ok(body) => body,
        Err(status) => return HttpResponseBuilder::new(status).force_close().finish(),
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
        .content_type(ContentType::json())
        .body(body.into())
}

/// The secret of `Authorization: Basic base64(node:secret)`, if the name in it is the path's.
fn basic_auth(req: &HttpRequest, node: &str) -> Option<String> {
    let header = req.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let decoded = BASE64_STANDARD
        .decode(header.strip_prefix("Basic ")?)
        .ok()?;
    let pair = String::from_utf8(decoded).ok()?;
    let (name, secret) = pair.split_once(':')?;
    (name == node).then(|| secret.to_owned())
}

/// The whole body, or the status that ends the connection.
async fn read(mut body: Payload, arrived: Instant) -> Result<Bytes, StatusCode> {
    let mut whole: Option<BytesMut> = None;
    let mut first = Bytes::new();
    loop {
        let next = timeout_at(arrived + ARRIVAL, body.next())
            .await
            .map_err(|_| StatusCode::REQUEST_TIMEOUT)?;
        let Some(chunk) = next else { break };
        let chunk = chunk.map_err(|_| StatusCode::BAD_REQUEST)?;
        let held = whole.as_ref().map_or(first.len(), BytesMut::len);
        if held + chunk.len() > MAX_BODY {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
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

/// Reads and drops, so that a keep-alive connection survives a refusal.
async fn drain(body: Payload, arrived: Instant) {
    // too large or too slow: then the connection ends with it, which is all that is wanted
    let _ = read(body, arrived).await;
}
