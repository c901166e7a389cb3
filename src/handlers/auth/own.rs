//! What a person sees and sets of its own account.
use super::{
    login::left,
    view::{
        login::HeldView,
        own::{
            ChangePasswordBody, EditMeBody, EnrolmentView, FactorsView, MaybeCodeBody, MeView,
            OneCodeBody, ProofBody, RecoveryCodesView,
        },
    },
};
use crate::{
    error::{Error, Result},
    handlers::{
        browser::Visitor,
        cookies,
        devices::DeviceSecretView,
        etag::{IfMatch, tag},
        json::Small,
        nodes::ListPage,
        page::Page,
        principal::{Anyone, Person, Scope, SecretsRead},
        problem::Problem,
        query::Params,
        users::credentials,
    },
    models::Named,
    services::{Services, callers::Caller, users::EditUser},
};
use actix_web::{HttpResponse, get, patch, post, web::Data};
use secrecy::ExposeSecret;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(me)
        .service(edit_me)
        .service(own_credentials)
        .service(confirm)
        .service(change_password)
        .service(show_factors)
        .service(enrol)
        .service(confirm_totp)
        .service(disable_totp)
        .service(recovery_codes);
}

/// Who asks.
pub(super) async fn about(caller: &Caller, app: &Services) -> Result<MeView> {
    let fresh =
        caller.login.is_some() && caller.must_be_fresh(app.logins.store.clock.now()).is_ok();
    let mut view = MeView::of(caller, fresh);
    if let (Some(user), Some(id)) = (caller.user, caller.user_id) {
        let detail = app.users.find(&Named::Id(id.0)).await?;
        view.totp = app.logins.factors(user).await?.totp_since.is_some();
        view.version = Some(detail.user.version);
        view.name = Some(detail.user.name);
        view.email = detail.user.email;
    }
    Ok(view)
}

/// Who am I, and what may I do?
#[utoipa::path(tag = "auth", responses((status = 200, body = MeView), (status = 401, body = Problem)))]
#[get("/auth/me")]
async fn me(by: Anyone, app: Data<Services>) -> Result<HttpResponse> {
    Ok(tagged(about(&by.0, &app).await?))
}

fn tagged(view: MeView) -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    match view.version {
        Some(version) => tag(answer, version).json(view),
        None => answer.json(view),
    }
}

/// Change one's own account. Needs a proof of who one is that is at most 5 minutes old.
#[utoipa::path(tag = "auth", params(IfMatch), request_body = EditMeBody, responses((status = 200, body = MeView), (status = 403, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[patch("/auth/me")]
async fn edit_me(
    by: Person,
    app: Data<Services>,
    seen: IfMatch,
    body: Small<EditMeBody>,
) -> Result<HttpResponse> {
    by.must_be_fresh(app.logins.store.clock.now())?;
    let id = by.user_id.ok_or(Error::NeedsLogin)?;
    let edit = EditUser {
        email: body.0.email,
        ..EditUser::default()
    };
    app.users
        .edit(&by.over_itself(), &Named::Id(id.0), &edit, &seen.0)
        .await?;
    Ok(tagged(about(&by.0, &app).await?))
}

/// Show the secrets and links of one's own devices, by id. That they were shown is audited.
#[utoipa::path(tag = "auth", params(ListPage), responses((status = 200, body = Page<DeviceSecretView>), (status = 403, body = Problem), (status = 422, body = Problem)))]
#[get("/user/credentials")]
async fn own_credentials(
    by: Person,
    app: Data<Services>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let scope = SecretsRead::NAME;
    by.reach(scope).ok_or(Error::Forbidden(scope))?;
    let who = Named::Id(by.user_id.ok_or(Error::NeedsLogin)?.0);
    credentials(&by, &app, &who, &query.0).await
}

/// Prove again who one is; a browser gets new cookies with that.
#[utoipa::path(tag = "auth", request_body = ProofBody, responses((status = 200, body = HeldView), (status = 204, description = "Proved"), (status = 403, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/confirm")]
async fn confirm(
    by: Person,
    _visitor: Visitor,
    app: Data<Services>,
    body: Small<ProofBody>,
) -> Result<HttpResponse> {
    let Small(body) = body;
    let proved = app
        .logins
        .confirm_person(&by, &body.password, body.code.as_deref());
    Ok(match proved.await? {
        None => HttpResponse::NoContent().finish(),
        Some(carried) => {
            let mut answer = HttpResponse::Ok();
            cookies::set(&mut answer, &carried, left(&app));
            answer.json(HeldView::from(&carried))
        }
    })
}

/// A new password for an old one.
pub(super) async fn change(
    by: &Caller,
    app: &Services,
    body: &ChangePasswordBody,
) -> Result<HttpResponse> {
    let (old, new) = (&body.current_password, &body.new_password);
    let changed = app.logins.change(by, old, new, body.code.as_deref());
    changed.await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Change the password: every other login and every token of the person ends.
#[utoipa::path(tag = "auth", request_body = ChangePasswordBody, responses((status = 204, description = "Changed"), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/change-password")]
async fn change_password(
    by: Person,
    _visitor: Visitor,
    app: Data<Services>,
    body: Small<ChangePasswordBody>,
) -> Result<HttpResponse> {
    change(&by, &app, &body.0).await
}

/// What is set up.
#[utoipa::path(tag = "auth", responses((status = 200, body = FactorsView)))]
#[get("/auth/totp")]
async fn show_factors(by: Person, app: Data<Services>) -> Result<HttpResponse> {
    let user = by.user.ok_or(Error::NeedsLogin)?;
    let state = app.logins.factors(user).await?;
    Ok(HttpResponse::Ok().json(FactorsView::from(state)))
}

/// Get a new seed of one-time codes; it is in force once its first code came to `confirm`.
#[utoipa::path(tag = "auth", request_body = MaybeCodeBody, responses((status = 200, body = EnrolmentView), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/totp")]
async fn enrol(
    by: Person,
    app: Data<Services>,
    body: Small<MaybeCodeBody>,
) -> Result<HttpResponse> {
    let made = app.logins.enrol(&by, body.0.code.as_deref()).await?;
    Ok(HttpResponse::Ok().json(EnrolmentView {
        secret: made.secret.expose_secret().to_owned(),
        uri: made.uri.expose_secret().to_owned(),
    }))
}

/// Confirm a new seed with its first code. Every other login and every token of the person ends.
#[utoipa::path(tag = "auth", request_body = OneCodeBody, responses((status = 200, body = RecoveryCodesView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/totp/confirm")]
async fn confirm_totp(
    by: Person,
    app: Data<Services>,
    body: Small<OneCodeBody>,
) -> Result<HttpResponse> {
    let codes = app.logins.confirm(&by, &body.0.code).await?;
    Ok(HttpResponse::Ok().json(RecoveryCodesView::from(codes)))
}

/// Give the second factor up, with a code of it.
#[utoipa::path(tag = "auth", request_body = OneCodeBody, responses((status = 204, description = "Given up"), (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/totp/disable")]
async fn disable_totp(
    by: Person,
    app: Data<Services>,
    body: Small<OneCodeBody>,
) -> Result<HttpResponse> {
    app.logins.disable(&by, &body.0.code).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// New recovery codes for the old ones, with a one-time code.
#[utoipa::path(tag = "auth", request_body = OneCodeBody, responses((status = 200, body = RecoveryCodesView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/totp/recovery-codes")]
async fn recovery_codes(
    by: Person,
    app: Data<Services>,
    body: Small<OneCodeBody>,
) -> Result<HttpResponse> {
    let codes = app.logins.recovery_codes(&by, &body.0.code).await?;
    Ok(HttpResponse::Ok().json(RecoveryCodesView::from(codes)))
}
