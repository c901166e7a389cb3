//! Coming in and going out.
use super::view::login::{
    ChallengeView, CodeBody, HeldView, LoginBody, LoginView, LogoutBody, RefreshBody,
};
use crate::{
    error::Result,
    handlers::{browser::Visitor, cookies, json::Small, principal::MaybePerson, problem::Problem},
    services::{
        Services,
        logins::{Attempt, Outcome},
    },
};
use actix_web::{HttpResponse, get, post, web::Data};
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(login)
        .service(login_code)
        .service(refresh)
        .service(logout)
        .service(public_keys);
}

/// The answer to somebody who came in, or must show a code first.
pub(super) fn answer(outcome: &Outcome, app: &Services) -> HttpResponse {
    match outcome {
        Outcome::In(made) => {
            let mut answer = HttpResponse::Ok();
            cookies::set(&mut answer, &made.carried, app.logins.settings.lifetime);
            answer.json(LoginView::from(&**made))
        }
        Outcome::Code {
            challenge,
            expires_in,
        } => HttpResponse::Accepted().json(ChallengeView {
            challenge: challenge.expose_secret().to_owned(),
            expires_in: expires_in.num_seconds(),
        }),
    }
}

/// Log in with a password.
#[utoipa::path(tag = "auth", request_body = LoginBody, security(()), responses((status = 200, body = LoginView), (status = 202, body = ChallengeView, description = "A code is needed"), (status = 401, body = Problem), (status = 429, body = Problem), (status = 503, body = Problem)))]
#[post("/auth/login")]
async fn login(
    visitor: Visitor,
    app: Data<Services>,
    body: Small<LoginBody>,
) -> Result<HttpResponse> {
    let Small(body) = body;
    let attempt = Attempt {
        name: body.name,
        password: body.password,
        code: body.code,
        kind: body.session,
        place: visitor.0,
    };
    let outcome = app.logins.login(&attempt).await?;
    Ok(answer(&outcome, &app))
}

/// Show the code that a login asked for.
#[utoipa::path(tag = "auth", request_body = CodeBody, security(()), responses((status = 200, body = LoginView), (status = 401, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/login/code")]
async fn login_code(
    visitor: Visitor,
    app: Data<Services>,
    body: Small<CodeBody>,
) -> Result<HttpResponse> {
    let Small(body) = body;
    let done = app.logins.answer(&body.challenge, &body.code, &visitor.0);
    Ok(answer(&done.await?, &app))
}

/// Exchange a refresh token for the next pair. Lost answers may be asked for again within 30 seconds.
#[utoipa::path(tag = "auth", request_body = RefreshBody, security(()), responses((status = 200, body = HeldView), (status = 401, body = Problem)))]
#[post("/auth/refresh")]
async fn refresh(
    _visitor: Visitor,
    app: Data<Services>,
    body: Small<RefreshBody>,
) -> Result<HttpResponse> {
    let (_, carried) = app.logins.refresh(&body.0.refresh_token).await?;
    Ok(HttpResponse::Ok().json(HeldView::from(&carried)))
}

/// End a login: the caller's own, or that of a refresh token.
#[utoipa::path(tag = "auth", request_body = LogoutBody, security((), ("token" = [])), responses((status = 204, description = "Ended"), (status = 401, body = Problem)))]
#[post("/auth/logout")]
async fn logout(
    by: MaybePerson,
    app: Data<Services>,
    body: Small<LogoutBody>,
) -> Result<HttpResponse> {
    match (&body.0.refresh_token, by.0) {
        (Some(token), _) => app.logins.logout_by(token).await?,
        (None, Ok(caller)) => app.logins.logout(&caller).await?,
        (None, Err(why)) => return Err(why),
    }
    let mut answer = HttpResponse::NoContent();
    cookies::clear(&mut answer);
    Ok(answer.finish())
}

/// The public keys of access tokens, as a JWK set; also at `/.well-known/jwks.json`.
#[utoipa::path(tag = "auth", security(()), responses((status = 200, body = serde_json::Value, description = "RFC 7517")))]
#[get("/auth/jwks")]
async fn public_keys(app: Data<Services>) -> HttpResponse {
    keys(&app)
}

/// The same answer wherever it is asked for.
pub(super) fn keys(app: &Services) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("cache-control", "public, max-age=300"))
        .json(app.logins.access.public())
}

/// For how long a cookie is kept that was renewed.
pub(super) fn left(app: &Services) -> TimeDelta {
    app.logins.settings.lifetime
}
