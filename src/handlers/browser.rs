//! What browsers must be told, and what they tell us: whose page asks, over what, and what its pages may do.
use super::client::{TrustedProxies, local_uid};
use crate::{error::Error, services::logins::Place};
use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{
        Method,
        header::{
            ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS,
            ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName, HeaderValue,
            ORIGIN, STRICT_TRANSPORT_SECURITY, USER_AGENT, VARY,
        },
    },
    web::Data,
};
use std::future::{Ready, ready};
use url::{Host, Url};

/// Origins whose pages may call the API, whatever a request says where it was sent to.
#[derive(Clone, Debug, Default)]
pub struct AllowedOrigins {
    /// Our own, as people reach it.
    pub own: Option<String>,
    /// Those of other sites.
    pub others: Vec<String>,
}

impl AllowedOrigins {
    fn is_own(&self, origin: &HeaderValue) -> bool {
        let own = self.own.as_ref();
        own.is_some_and(|own| own.as_bytes() == origin.as_bytes())
    }

    fn is_other(&self, origin: &HeaderValue) -> bool {
        let mut others = self.others.iter();
        others.any(|known| known.as_bytes() == origin.as_bytes())
    }
}

/// Said with every answer, also those that say no (C4).
const ALWAYS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
];
/// An answer of the API is no page at all.
const NO_PAGE: &str = "default-src 'none'; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'";
/// A year and a bit.
const HSTS: &str = "max-age=34560000";

/// Tells the browser what the answer is not for, unless the handler has said otherwise.
pub fn harden(headers: &mut HeaderMap, is_tls: bool) {
    let mut say = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    for (name, value) in ALWAYS {
        say(HeaderName::from_static(name), value);
    }
    say(CONTENT_SECURITY_POLICY, NO_PAGE);
    say(CACHE_CONTROL, "no-store");
    if is_tls {
        say(STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The origin of a request's page, if the operator let it call us.
pub fn allowed(req: &HttpRequest) -> Option<HeaderValue> {
    let origin = req.headers().get(ORIGIN)?;
    let known = req.app_data::<Data<AllowedOrigins>>()?;
    known.is_other(origin).then(|| origin.clone())
}

/// Lets an allowed page read the answer (C3).
pub fn share(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.append(VARY, HeaderValue::from_static("Origin"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(
        ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("X-Request-Id, Retry-After, ETag"),
    );
}

/// Whether a browser asks beforehand.
pub fn is_preflight(req: &HttpRequest) -> bool {
    req.method() == Method::OPTIONS && req.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What an allowed page may send.
pub fn permit(headers: &mut HeaderMap) {
    for (name, value) in [
        (
            ACCESS_CONTROL_ALLOW_METHODS,
            "GET, POST, PUT, PATCH, DELETE",
        ),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type, Idempotency-Key, If-Match, X-CSRF-Token",
        ),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Whether a browser says that another site's page asks, and that page is not allowed to (C1).
pub fn is_foreign(req: &HttpRequest) -> bool {
    let headers = req.headers();
    if let Some(origin) = headers.get(ORIGIN)
        && let Some(known) = req.app_data::<Data<AllowedOrigins>>()
        && (known.is_own(origin) || known.is_other(origin))
    {
        return false;
    }
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let page = origin
        .to_str()
        .ok()
        .and_then(|origin| Url::parse(origin).ok());
    let ours = text(headers, &HOST);
    // a page that says its origin is ours: same host and port as it asked for
    let same = page.is_some_and(|page| {
        let authority = page.host_str().map(|host| match page.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        });
        authority
            .zip(ours)
            .is_some_and(|(page, ours)| page.eq_ignore_ascii_case(ours))
    });
    !same
}

/// Whether what a request carries can be read on its way: over plain HTTP from anywhere but this machine.
pub fn is_readable(req: &HttpRequest) -> bool {
    if req.app_config().secure() || local_uid(req).is_some() || is_proxied_tls(req) {
        return false;
    }
    let here = req
        .peer_addr()
        .is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    let called =
        text(req.headers(), &HOST).and_then(|host| Url::parse(&format!("http://{host}")).ok());
    let local = called
        .as_ref()
        .and_then(Url::host)
        .is_some_and(|host| match host {
            Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            Host::Ipv4(addr) => addr.is_loopback(),
            Host::Ipv6(addr) => addr.is_loopback(),
        });
    !(here && local)
}

/// Whether a browser reached us over TLS, ours or a trusted proxy's.
pub fn is_tls(req: &HttpRequest) -> bool {
    req.app_config().secure() || is_proxied_tls(req)
}

fn is_proxied_tls(req: &HttpRequest) -> bool {
    req.app_data::<Data<TrustedProxies>>()
        .is_some_and(|proxies| proxies.says_tls(req))
}

/// From where a request comes.
pub fn place(req: &HttpRequest) -> Place {
    let addr = req
        .app_data::<Data<TrustedProxies>>()
        .and_then(|proxies| proxies.client(req));
    Place::new(addr, text(req.headers(), &USER_AGENT).unwrap_or_default())
}

/// Somebody who brings a secret and is not known yet: never readable on its way, never sent by another site's page.
#[derive(Debug)]
pub struct Visitor(pub Place);

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(if is_readable(req) {
            Err(readable())
        } else if is_foreign(req) {
            Err(foreign())
        } else {
            Ok(Self(place(req)))
        })
    }
}

/// Anybody on the way could read it.
pub fn readable() -> Error {
    Error::Refused(
        "insecure_origin",
        "over plain HTTP anybody on the way could read this: use HTTPS (behind a proxy, name it in server.trusted_proxies and let it send X-Forwarded-Proto)",
    )
}

/// Another site's page asked.
pub fn foreign() -> Error {
    Error::Refused("cross_origin", "the page that asks is of another origin")
}
