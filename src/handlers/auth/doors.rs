//! How accounts begin, and how one that lost its password is mended.
use super::view::{
    doors::{
        CreateInviteBody, ForgotBody, InviteSecretView, InviteView, RegisterBody, ResetBody,
        SetupBody,
    },
    sessions::PasswordLinkView,
};
use crate::{
    error::Result,
    handlers::{
        browser::Visitor,
        idempotency::Once,
        json::{Json, Small},
        nodes::ListPage,
        page::{self, Page},
        principal::{LoginsRead, LoginsWrite, May},
        problem::Problem,
        query::Params,
        users::UserView,
    },
    models::Role,
    services::{
        Services,
        logins::{CreateInvite, Register},
        users::CreateUser,
    },
};
use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(register)
        .service(list_invites)
        .service(create_invite)
        .service(revoke_invite)
        .service(forgot_password)
        .service(reset_password)
        .service(set_up)
        .service(setup_token);
}

/// Make an account for oneself, where the operator lets people.
#[utoipa::path(tag = "auth", request_body = RegisterBody, security(()), responses((status = 201, body = UserView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/register")]
async fn register(
    visitor: Visitor,
    app: Data<Services>,
    body: Small<RegisterBody>,
) -> Result<HttpResponse> {
    let Small(body) = body;
    let wish = Register {
        name: body.name,
        email: body.email,
        password: body.password,
        invite: body.invite,
        from: visitor.0.addr,
    };
    let user = app.logins.register(&wish).await?;
    Ok(HttpResponse::Created().json(UserView::from(user)))
}

/// List invitations, newest first, without what stands in their links.
#[utoipa::path(tag = "auth", params(ListPage), responses((status = 200, body = Page<InviteView>)))]
#[get("/auth/invites")]
async fn list_invites(
    _may: May<LoginsRead>,
    app: Data<Services>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let before = page::cursor(query.0.cursor.as_deref())?;
    let rows = app.logins.invites(before, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.id, InviteView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Invite somebody; what stands in the link is shown in this answer and never again.
#[utoipa::path(tag = "auth", params(Once), request_body = CreateInviteBody, responses((status = 201, body = InviteSecretView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/auth/invites")]
async fn create_invite(
    by: May<LoginsWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<CreateInviteBody>,
) -> Result<HttpResponse> {
    let Json(body) = body;
    let create = CreateInvite {
        email: body.email,
        role: body.role,
        quota: body.quota,
        valid_for: body.valid_for,
        note: body.note,
        expires_in: body.expires_in,
    };
    once.created::<_, InviteSecretView>(&app, async |keep| {
        app.logins.invite(&by, &create, keep).await
    })
    .await
}

/// Take an invitation back.
#[utoipa::path(tag = "auth", params(("invite" = Uuid, Path)), responses((status = 200, body = InviteView), (status = 404, body = Problem)))]
#[delete("/auth/invites/{invite}")]
async fn revoke_invite(
    by: May<LoginsWrite>,
    app: Data<Services>,
    invite: Path<Uuid>,
) -> Result<HttpResponse> {
    let invite = app.logins.revoke_invite(&by, invite.into_inner()).await?;
    Ok(HttpResponse::Ok().json(InviteView::from(invite)))
}

/// Ask for a mail with a link to a new password. The answer is the same whoever is named.
#[utoipa::path(tag = "auth", request_body = ForgotBody, security(()), responses((status = 202, description = "If there is somebody to write to, it is written"), (status = 429, body = Problem)))]
#[post("/auth/forgot-password")]
async fn forgot_password(
    visitor: Visitor,
    app: Data<Services>,
    body: Small<ForgotBody>,
) -> Result<HttpResponse> {
    app.logins.forgot(&body.0.email, visitor.0.addr).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// Set a new password by a link. Every login and every token of the person ends; it then logs in as ever.
#[utoipa::path(tag = "auth", request_body = ResetBody, security(()), responses((status = 204, description = "Set"), (status = 422, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/reset-password")]
async fn reset_password(
    visitor: Visitor,
    app: Data<Services>,
    body: Small<ResetBody>,
) -> Result<HttpResponse> {
    let (token, password) = (&body.0.token, &body.0.password);
    app.logins.reset(token, password, visitor.0.addr).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Make the first superadmin by the link that the start printed.
#[utoipa::path(tag = "auth", request_body = SetupBody, security(()), responses((status = 201, body = UserView), (status = 403, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem)))]
#[post("/auth/setup")]
async fn set_up(
    visitor: Visitor,
    app: Data<Services>,
    body: Small<SetupBody>,
) -> Result<HttpResponse> {
    let Small(body) = body;
    let create = CreateUser {
        name: body.name,
        email: body.email,
        ..CreateUser::default()
    };
    let made = app
        .logins
        .set_up(&body.token, &create, &body.password, visitor.0.addr);
    Ok(HttpResponse::Created().json(UserView::from(made.await?)))
}

/// Make a new link to the first superadmin; the one before it is void.
#[utoipa::path(tag = "auth", params(Once), responses((status = 201, body = PasswordLinkView), (status = 403, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/auth/setup-token")]
async fn setup_token(
    by: May<LoginsWrite>,
    app: Data<Services>,
    once: Once,
) -> Result<HttpResponse> {
    by.must_manage(Role::Superadmin)?;
    once.created::<_, PasswordLinkView>(&app, async |keep| {
        app.logins.fresh_setup_link(&by.name, keep).await
    })
    .await
}
