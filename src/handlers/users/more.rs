//! What hangs on a user: its quota and plan, the secrets of its devices, what was done to it, what it used.
use super::{
    tagged,
    view::{AuditRowView, CredentialsView, PlanOfBody, QuotaBody, UserView},
};
use crate::{
    error::Result,
    handlers::{
        devices::DeviceSecretView,
        etag::IfMatch,
        idempotency::Once,
        json::Json,
        nodes::ListPage,
        page::{self, Page},
        principal::{
            AuditRead, DevicesWrite, May, Reach, Scope, SecretsRead, UsersRead, UsersWrite,
        },
        problem::Problem,
        query::Params,
    },
    models::Named,
    services::{Services, callers::Caller, devices::DeviceSecret, users::EditUser},
};
use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    post, put,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(set_quota)
        .service(set_plan)
        .service(show_credentials)
        .service(reset_credentials)
        .service(show_audit);
}

/// Set a user's quota, and how often it starts anew; optionally start it now.
#[utoipa::path(tag = "users", params(IfMatch, ("user" = String, Path, description = "Id or name")), request_body = QuotaBody, responses((status = 200, body = UserView), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[put("/users/{user}/quota")]
async fn set_quota(
    by: May<UsersWrite>,
    app: Data<Services>,
    user: Path<String>,
    seen: IfMatch,
    body: Json<QuotaBody>,
) -> Result<HttpResponse> {
    let user = Named::from(user.as_str());
    let Json(body) = body;
    let edit = EditUser {
        quota: Some(body.quota),
        window: body.window,
        reset: body.reset,
        ..EditUser::default()
    };
    Ok(tagged(app.users.edit(&by, &user, &edit, &seen.0).await?))
}

/// Give a user a plan and its limits; `null` takes the plan away and leaves the limits.
#[utoipa::path(tag = "users", params(IfMatch, ("user" = String, Path, description = "Id or name")), request_body = PlanOfBody, responses((status = 200, body = UserView), (status = 404, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[put("/users/{user}/plan")]
async fn set_plan(
    by: May<UsersWrite>,
    app: Data<Services>,
    user: Path<String>,
    seen: IfMatch,
    body: Json<PlanOfBody>,
) -> Result<HttpResponse> {
    let user = Named::from(user.as_str());
    let plan = body.0.plan.as_deref().map(Named::from);
    let done = app.users.assign(&by, &user, plan.as_ref(), &seen.0);
    Ok(tagged(done.await?))
}

/// Show the secrets and links of a user's live devices, by id. That they were shown is audited.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name"), ListPage), responses((status = 200, body = Page<DeviceSecretView>), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[get("/users/{user}/credentials")]
async fn show_credentials(
    by: Reach<SecretsRead>,
    app: Data<Services>,
    user: Path<String>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let user = by.to_user(&app, &user).await?;
    credentials(&by, &app, &user, &query.0).await
}

/// A page of a user's secrets.
pub(in crate::handlers) async fn credentials(
    by: &Caller,
    app: &Services,
    user: &Named,
    query: &ListPage,
) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.cursor.as_deref())?;
    let of = (after, limit);
    let (all, more) = app.devices.show_all(&by.name, user, of).await?;
    let last = all.last().map(|made| made.detail.device.id);
    Ok(HttpResponse::Ok()
        .insert_header(("cache-control", "no-store"))
        .json(Page {
            next_cursor: last.filter(|_| more).and_then(|id| page::encode(&id)),
            items: view(&all).items,
            total: None,
        }))
}

/// Give all live devices of a user new secrets: the old ones are refused from the answer on.
#[utoipa::path(tag = "users", params(Once, ("user" = String, Path, description = "Id or name")), responses((status = 200, body = CredentialsView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/users/{user}/reset-credentials")]
async fn reset_credentials(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    user: Path<String>,
    once: Once,
) -> Result<HttpResponse> {
    let user = by.to_user(&app, &user).await?;
    once.run(
        &app,
        StatusCode::OK,
        async |keep| app.devices.renew_all(&by, &user, keep).await,
        |all: &Vec<DeviceSecret>| view(all),
    )
    .await
}

/// Secrets as they are shown.
fn view(all: &[DeviceSecret]) -> CredentialsView {
    CredentialsView {
        items: all.iter().cloned().map(DeviceSecretView::from).collect(),
    }
}

/// What was done to a user and its devices, and by whom, the newest first.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name"), ListPage), responses((status = 200, body = Page<AuditRowView>), (status = 404, body = Problem)))]
#[get("/users/{user}/audit")]
async fn show_audit(
    by: May<UsersRead>,
    app: Data<Services>,
    user: Path<String>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let before = page::cursor(query.0.cursor.as_deref())?;
    let user = Named::from(user.as_str());
    let rows = app.users.audit(&user, before, limit + 1).await?;
    let mut rows = app.audit.details(rows).await?;
    if !by.holds(AuditRead::NAME) {
        for row in &mut rows {
            row.personal = None;
        }
    }
    let page = Page::new(rows, limit, |row| row.entry.number, AuditRowView::from);
    Ok(HttpResponse::Ok().json(page))
}
