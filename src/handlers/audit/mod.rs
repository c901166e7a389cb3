//! The audit over HTTP.
mod view;

use super::{
    page::{self, Page},
    principal::{AuditRead, May},
    problem::Problem,
    query::Params,
};
use crate::{
    error::{Error, Result},
    models::Named,
    services::{
        Services,
        audit::{AuditOf, Before},
    },
};
use actix_web::{HttpResponse, get, post, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;
pub use view::AuditView;
use view::{ListAudit, VerifiedView, VerifyAudit};

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_audit)
        .service(list_admin_audit)
        .service(verify_audit);
}

async fn list(app: &Services, query: ListAudit) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let is_action = |action: &String| {
        action
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b".-_".contains(&b))
    };
    if query
        .action
        .as_ref()
        .is_some_and(|action| !is_action(action))
    {
        return Err(Error::field(
            "action",
            "is no action such as user.create, or user.",
        ));
    }
    let of = AuditOf {
        principal: query.principal,
        action: query.action,
        subject: query.subject,
        user: query.user.as_deref().map(Named::from),
        from: query.from,
        to: query.to,
        before: page::cursor(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let (rows, rest) = app.audit.list(of).await?;
    let page = Page::new(
        rows,
        limit,
        |row| Before(row.entry.at, row.entry.number),
        AuditView::from,
    );
    Ok(HttpResponse::Ok().json(page.going_on(rest.as_ref())))
}

/// List who did what, newest first.
#[utoipa::path(tag = "audit", params(ListAudit), responses((status = 200, body = Page<AuditView>), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[get("/audit")]
async fn list_audit(
    _may: May<AuditRead>,
    app: Data<Services>,
    query: Params<ListAudit>,
) -> Result<HttpResponse> {
    list(&app, query.0).await
}

/// The same as `/audit`.
#[utoipa::path(tag = "audit", params(ListAudit), responses((status = 200, body = Page<AuditView>), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[get("/admin/audit")]
async fn list_admin_audit(
    _may: May<AuditRead>,
    app: Data<Services>,
    query: Params<ListAudit>,
) -> Result<HttpResponse> {
    list(&app, query.0).await
}

/// Verify the audit's chain, some seconds' worth a call: go on with `next` until it is null.
#[utoipa::path(tag = "audit", params(VerifyAudit), responses((status = 200, body = VerifiedView), (status = 422, body = Problem)))]
#[post("/admin/audit/verify")]
async fn verify_audit(
    _may: May<AuditRead>,
    app: Data<Services>,
    query: Params<VerifyAudit>,
) -> Result<HttpResponse> {
    let verified = app.audit.verify(query.0.after.unwrap_or(0)).await?;
    Ok(HttpResponse::Ok().json(VerifiedView::from(verified)))
}
