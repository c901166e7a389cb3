//! The three small pages without which nobody could begin: the first superadmin, a new password, an invitation. What
//! stands behind `#` never leaves the browser but in the body of one POST.
use crate::{
    error::Result,
    handlers::{browser, problem},
    services::Services,
};
use actix_web::{
    HttpRequest, HttpResponse, get,
    web::{Data, ServiceConfig},
};

/// The routes, at the root.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(setup)
        .service(reset_password)
        .service(register)
        .service(script)
        .service(style);
}

/// Its own script and style, and nothing else (C4).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

fn file(kind: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("content-security-policy", POLICY))
        .content_type(kind)
        .body(text)
}

fn page(text: &'static str) -> HttpResponse {
    file("text/html; charset=utf-8", text)
}

/// Gone once there is a superadmin (L13).
#[get("/setup")]
async fn setup(req: HttpRequest, app: Data<Services>) -> Result<HttpResponse> {
    if browser::is_readable(&req) {
        return Err(browser::readable());
    }
    if app.logins.is_set_up().await? {
        return Ok(problem::nothing());
    }
    Ok(page(include_str!("setup.html")))
}

#[get("/reset-password")]
async fn reset_password() -> HttpResponse {
    page(include_str!("reset_password.html"))
}

#[get("/register")]
async fn register() -> HttpResponse {
    page(include_str!("register.html"))
}

#[get("/pages.js")]
async fn script() -> HttpResponse {
    file("text/javascript; charset=utf-8", include_str!("pages.js"))
}

#[get("/pages.css")]
async fn style() -> HttpResponse {
    file("text/css; charset=utf-8", include_str!("pages.css"))
}
