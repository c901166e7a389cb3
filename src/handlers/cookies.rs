//! The two cookies of a browser's login: one that no script reads, and beside it what a page must send back with
//! everything that changes something (S9).
use crate::services::logins::Carried;
use actix_web::{
    HttpRequest, HttpResponseBuilder,
    cookie::{Cookie, SameSite, time::Duration},
};
use chrono::TimeDelta;
use secrecy::ExposeSecret;

/// `__Host-`: only from here, only over TLS, for the whole of this host and no other.
const LOGIN: &str = "__Host-hywarden";
const CSRF: &str = "__Host-hywarden_csrf";

/// The login that a request carries.
pub fn of(req: &HttpRequest) -> Option<String> {
    req.cookie(LOGIN).map(|cookie| cookie.value().to_owned())
}

fn cookie<'a>(name: &'static str, value: &'a str, seconds: i64) -> Cookie<'a> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(name == LOGIN)
        .same_site(SameSite::Strict)
        .max_age(Duration::seconds(seconds))
        .finish()
}

/// Hands a browser what it carries from now on.
pub fn set(answer: &mut HttpResponseBuilder, carried: &Carried, lasts: TimeDelta) {
    if let Carried::Cookie {
        cookie: login,
        csrf,
    } = carried
    {
        let seconds = lasts.num_seconds();
        answer.cookie(cookie(LOGIN, login.expose_secret(), seconds));
        answer.cookie(cookie(CSRF, csrf.expose_secret(), seconds));
    }
}

/// Takes it back, with all that its pages kept (C6).
pub fn clear(answer: &mut HttpResponseBuilder) {
    answer.cookie(cookie(LOGIN, "", 0));
    answer.cookie(cookie(CSRF, "", 0));
    answer.insert_header(("clear-site-data", "\"cookies\", \"storage\""));
}
