//! Plans over HTTP.
use super::{
    etag::{IfMatch, tag},
    idempotency::Once,
    json::{Json, nullable},
    nodes::ListPage,
    page::{self, Page},
    principal::{May, PlansRead, PlansWrite},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::{Named, PlanId, Window},
    services::{
        Services,
        plans::{PlanDetail, PlanTerms},
        users::Applied,
    },
};
use actix_web::{
    HttpResponse, delete, get, patch, post, put,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_plans)
        .service(create_plan)
        .service(show_plan)
        .service(replace_plan)
        .service(edit_plan)
        .service(delete_plan)
        .service(apply_plan);
}

/// A bundle of limits: a user that is given it takes them over.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanView {
    pub id: PlanId,
    pub name: String,
    pub note: String,
    /// Bytes a window; `null`: unlimited.
    pub quota: Option<i64>,
    pub window: Window,
    /// Seconds from its assignment to the expiry; `null`: the expiry stays.
    pub valid_for: Option<i64>,
    /// Registered devices at most; `null`: unlimited.
    pub device_limit: Option<i32>,
    /// Devices online at once at most; `null`: unlimited.
    pub online_limit: Option<i32>,
    /// Its users may use paid nodes.
    pub paid: bool,
    /// Groups that its users are put into; empty: their groups stay.
    pub groups: Vec<String>,
    /// How many users have it; 10000 stands for that many or more.
    pub users: i64,
    /// Rises with each change; in quotes it is the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<PlanDetail> for PlanView {
    fn from(detail: PlanDetail) -> Self {
        let plan = detail.plan;
        Self {
            id: plan.id,
            name: plan.name,
            note: plan.note,
            quota: plan.quota,
            window: plan.quota_window,
            valid_for: plan.valid_for_seconds,
            device_limit: plan.device_limit,
            online_limit: plan.online_limit,
            paid: plan.paid,
            groups: detail.groups,
            users: detail.users,
            version: plan.version,
            created_at: plan.created_at,
            updated_at: plan.updated_at,
        }
    }
}

/// All that a plan says; what is absent is unlimited or off.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanBody {
    /// Unique without regard to case.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    #[serde(default)]
    #[schema(max_length = 4096)]
    pub note: String,
    /// Bytes a window; absent or `null`: unlimited.
    #[schema(minimum = 0)]
    pub quota: Option<i64>,
    pub window: Option<Window>,
    /// Seconds from its assignment to the expiry; absent or `null`: the expiry stays.
    #[schema(minimum = 1)]
    pub valid_for: Option<i64>,
    #[schema(minimum = 0)]
    pub device_limit: Option<i32>,
    #[schema(minimum = 0)]
    pub online_limit: Option<i32>,
    /// Its users may use paid nodes.
    #[serde(default)]
    pub paid: bool,
    /// Groups that its users are put into.
    #[serde(default)]
    #[schema(max_items = 100)]
    pub groups: Vec<String>,
}

impl From<PlanBody> for PlanTerms {
    fn from(body: PlanBody) -> Self {
        Self {
            name: body.name,
            note: body.note,
            quota: body.quota,
            window: body.window,
            valid_for: body.valid_for,
            device_limit: body.device_limit,
            online_limit: body.online_limit,
            paid: body.paid,
            groups: body.groups,
        }
    }
}

/// What to change of a plan; absent leaves, `null` removes.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditPlanBody {
    #[schema(min_length = 1, max_length = 64)]
    pub name: Option<String>,
    #[schema(max_length = 4096)]
    pub note: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    pub quota: Option<Option<i64>>,
    pub window: Option<Window>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 1)]
    pub valid_for: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i32>, minimum = 0)]
    pub device_limit: Option<Option<i32>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i32>, minimum = 0)]
    pub online_limit: Option<Option<i32>>,
    pub paid: Option<bool>,
    #[schema(max_items = 100)]
    pub groups: Option<Vec<String>>,
}

impl EditPlanBody {
    fn onto(&self, present: &PlanDetail) -> PlanTerms {
        let (edit, plan) = (self.clone(), &present.plan);
        PlanTerms {
            name: edit.name.unwrap_or_else(|| plan.name.clone()),
            note: edit.note.unwrap_or_else(|| plan.note.clone()),
            quota: edit.quota.unwrap_or(plan.quota),
            window: edit.window.or(Some(plan.quota_window)),
            valid_for: edit.valid_for.unwrap_or(plan.valid_for_seconds),
            device_limit: edit.device_limit.unwrap_or(plan.device_limit),
            online_limit: edit.online_limit.unwrap_or(plan.online_limit),
            paid: edit.paid.unwrap_or(plan.paid),
            groups: edit.groups.unwrap_or_else(|| present.groups.clone()),
        }
    }
}

/// What became of a plan's users.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppliedView {
    /// So many had other limits, and have the plan's now.
    pub users: usize,
    /// So many have other limits and keep them: they stand above the caller.
    pub skipped: usize,
}

fn tagged(plan: PlanDetail) -> HttpResponse {
    tag(HttpResponse::Ok(), plan.plan.version).json(PlanView::from(plan))
}

/// List plans.
#[utoipa::path(tag = "plans", params(ListPage), responses((status = 200, body = Page<PlanView>)))]
#[get("/plans")]
async fn list_plans(
    _may: May<PlansRead>,
    app: Data<Services>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let after = page::cursor(query.0.cursor.as_deref())?;
    let rows = app.plans.list(after, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.plan.id, PlanView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Make a plan.
#[utoipa::path(tag = "plans", params(Once), request_body = PlanBody, responses((status = 201, body = PlanView), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/plans")]
async fn create_plan(
    by: May<PlansWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<PlanBody>,
) -> Result<HttpResponse> {
    let terms = body.0.into();
    once.created::<_, PlanView>(&app, async |keep| {
        app.plans.create(&by.name, &terms, keep).await
    })
    .await
}

/// Show a plan.
#[utoipa::path(tag = "plans", params(("plan" = String, Path, description = "Id or name")), responses((status = 200, body = PlanView), (status = 404, body = Problem)))]
#[get("/plans/{plan}")]
async fn show_plan(
    _may: May<PlansRead>,
    app: Data<Services>,
    plan: Path<String>,
) -> Result<HttpResponse> {
    let plan = app.plans.find(&Named::from(plan.as_str())).await?;
    Ok(tagged(plan))
}

/// Replace all that a plan says. Its users keep their limits until it is applied; whether it is paid holds at once.
#[utoipa::path(tag = "plans", params(IfMatch, ("plan" = String, Path, description = "Id or name")), request_body = PlanBody, responses((status = 200, body = PlanView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[put("/plans/{plan}")]
async fn replace_plan(
    by: May<PlansWrite>,
    app: Data<Services>,
    plan: Path<String>,
    seen: IfMatch,
    body: Json<PlanBody>,
) -> Result<HttpResponse> {
    let (plan, body) = (Named::from(plan.as_str()), body.0);
    let done = app
        .plans
        .replace(&by.name, &plan, &seen.0, |_| body.clone().into());
    Ok(tagged(done.await?))
}

/// Change a plan: what is absent stays, `null` removes.
#[utoipa::path(tag = "plans", params(IfMatch, ("plan" = String, Path, description = "Id or name")), request_body = EditPlanBody, responses((status = 200, body = PlanView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[patch("/plans/{plan}")]
async fn edit_plan(
    by: May<PlansWrite>,
    app: Data<Services>,
    plan: Path<String>,
    seen: IfMatch,
    body: Json<EditPlanBody>,
) -> Result<HttpResponse> {
    let (plan, body) = (Named::from(plan.as_str()), body.0);
    let done = app
        .plans
        .replace(&by.name, &plan, &seen.0, |present| body.onto(present));
    Ok(tagged(done.await?))
}

/// Delete a plan that nobody has.
#[utoipa::path(tag = "plans", params(("plan" = String, Path, description = "Id or name")), responses((status = 204, description = "Deleted"), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[delete("/plans/{plan}")]
async fn delete_plan(
    by: May<PlansWrite>,
    app: Data<Services>,
    plan: Path<String>,
) -> Result<HttpResponse> {
    let plan = Named::from(plan.as_str());
    app.plans.delete(&by.name, &plan).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Give all users of a plan its present limits. Their expiries stay.
///
/// Who has them already is left alone, so a call that was cut short is gone on with by the next one.
#[utoipa::path(tag = "plans", params(("plan" = String, Path, description = "Id or name")), responses((status = 200, body = AppliedView), (status = 404, body = Problem)))]
#[post("/plans/{plan}/apply")]
async fn apply_plan(
    by: May<PlansWrite>,
    app: Data<Services>,
    plan: Path<String>,
) -> Result<HttpResponse> {
    let plan = Named::from(plan.as_str());
    let Applied { users, skipped } = app.plans.apply(&by, &plan).await?;
    Ok(HttpResponse::Ok().json(AppliedView { users, skipped }))
}
