//! Paths under which other panels have these: the same services, the same answers.
use super::{
    login::{answer, keys},
    own::{about, change},
    view::{
        login::HeldView,
        own::{ChangePasswordBody, SetPasswordBody},
    },
};
use crate::{
    error::{Error, Result},
    handlers::{
        browser::Visitor,
        json::{Small, arrival, read},
        principal::{Anyone, LoginsWrite, May, Person},
    },
    models::{Named, SessionKind},
    services::{
        Services,
        logins::{Attempt, Outcome},
    },
};
use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    get,
    http::header::CONTENT_TYPE,
    post,
    web::{Data, Path, ServiceConfig},
};
use futures_util::future::LocalBoxFuture;
use secrecy::SecretString;
use std::future::{Ready, ready};
use url::form_urlencoded;

/// The routes, at the root.
pub fn routes(cfg: &mut ServiceConfig) {
    cfg.service(token)
        .service(jwks)
        .service(me)
        .service(change_password)
        .service(set_password);
}

/// The form of OAuth 2.0's password grant (RFC 6749, 4.3); the only form that is read anywhere: it makes no cookie.
struct Form {
    username: String,
    password: SecretString,
    code: Option<String>,
}

impl FromRequest for Form {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let kind = req
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|v| v.to_str().ok());
        let kind = kind.and_then(|v| v.split(';').next()).map(str::trim);
        let is_form = kind == Some("application/x-www-form-urlencoded");
        let (req, payload, arrival) = (req.clone(), payload.take(), arrival(req));
        Box::pin(async move {
            if !is_form {
                return Err(Error::FormNeeded);
            }
            let body = read(&req, payload, 4 * 1024, arrival).await?;
            let mut form = Self {
                username: String::new(),
                password: SecretString::default(),
                code: None,
            };
            for (name, value) in form_urlencoded::parse(&body) {
                match &*name {
                    "username" => form.username = value.into_owned(),
                    "password" => form.password = value.into_owned().into(),
                    "code" | "totp" => form.code = Some(value.into_owned()),
                    "grant_type" if value == "password" => {}
                    "scope" | "client_id" | "client_secret" => {}
                    "grant_type" => {
                        return Err(Error::field("grant_type", "must be password"));
                    }
                    other => return Err(Error::field(other, "is not known here")),
                }
            }
            Ok(form)
        })
    }
}

/// Log in, as OAuth 2.0 has it.
#[post("/token")]
async fn token(visitor: Visitor, app: Data<Services>, form: Form) -> Result<HttpResponse> {
    let attempt = Attempt {
        name: form.username,
        password: form.password,
        code: form.code,
        kind: SessionKind::Token,
        place: visitor.0,
    };
    Ok(match app.logins.login(&attempt).await? {
        Outcome::In(made) => HttpResponse::Ok().json(HeldView::from(&made.carried)),
        code @ Outcome::Code { .. } => answer(&code, &app),
    })
}

/// The public keys of access tokens.
#[get("/.well-known/jwks.json")]
async fn jwks(app: Data<Services>) -> HttpResponse {
    keys(&app)
}

/// Who asks.
#[get("/users/me")]
async fn me(by: Anyone, app: Data<Services>) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(about(&by.0, &app).await?))
}

/// A request whose URL holds nothing: a password there would stand in logs and histories.
struct NothingInUrl;

impl FromRequest for NothingInUrl {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(if req.query_string().is_empty() {
            Ok(Self)
        } else {
            Err(Error::PasswordInUrl)
        })
    }
}

/// Change one's own password.
#[post("/users/change-password")]
async fn change_password(
    by: Person,
    _nothing: NothingInUrl,
    _visitor: Visitor,
    app: Data<Services>,
    body: Small<ChangePasswordBody>,
) -> Result<HttpResponse> {
    change(&by, &app, &body.0).await
}

/// Set somebody's password.
#[post("/users/{username}/reset-password")]
async fn set_password(
    by: May<LoginsWrite>,
    _nothing: NothingInUrl,
    _visitor: Visitor,
    app: Data<Services>,
    user: Path<String>,
    body: Small<SetPasswordBody>,
) -> Result<HttpResponse> {
    let who = Named::from(user.as_str());
    let set = app.logins.set_password(&by, &who, &body.0.new_password);
    set.await?;
    Ok(HttpResponse::NoContent().finish())
}
