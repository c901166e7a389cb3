//! Held counters over HTTP.
mod view;

pub use view::QuarantineView;

use super::{
    page::{self, Page},
    principal::{May, TrafficRead, TrafficWrite},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::Named,
    services::{Services, quarantine::Verdict},
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;
use view::ListQuarantine;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_quarantine)
        .service(list_admin_quarantine)
        .service(credit_quarantine)
        .service(drop_quarantine);
}

/// List held counters.
#[utoipa::path(tag = "quarantine", params(ListQuarantine), responses((status = 200, body = Page<QuarantineView>), (status = 404, body = Problem)))]
#[get("/quarantine")]
async fn list_quarantine(
    _may: May<TrafficRead>,
    app: Data<Services>,
    query: Params<ListQuarantine>,
) -> Result<HttpResponse> {
    list(&app, query.0).await
}

/// The same as `/quarantine`.
#[utoipa::path(tag = "quarantine", params(ListQuarantine), responses((status = 200, body = Page<QuarantineView>), (status = 404, body = Problem)))]
#[get("/admin/quarantine")]
async fn list_admin_quarantine(
    _may: May<TrafficRead>,
    app: Data<Services>,
    query: Params<ListQuarantine>,
) -> Result<HttpResponse> {
    list(&app, query.0).await
}

async fn list(app: &Services, query: ListQuarantine) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let after = page::cursor(query.cursor.as_deref())?.unwrap_or(0);
    let node = query.node.as_deref().map(Named::from);
    let rows = app
        .quarantine
        .list(node.as_ref(), !query.all, after, limit + 1)
        .await?;
    let page = Page::new(rows, limit, |row| row.entry.number, QuarantineView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Credit held counters: merged, never added, so nothing is counted twice.
#[utoipa::path(tag = "quarantine", params(("number" = i64, Path)), responses((status = 200, body = QuarantineView), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/quarantine/{number}/credit")]
async fn credit_quarantine(
    by: May<TrafficWrite>,
    app: Data<Services>,
    number: Path<i64>,
) -> Result<HttpResponse> {
    let done = app.quarantine.decide(&by.name, *number, Verdict::Credit);
    Ok(HttpResponse::Ok().json(QuarantineView::from(done.await?)))
}

/// Give held counters up.
#[utoipa::path(tag = "quarantine", params(("number" = i64, Path)), responses((status = 200, body = QuarantineView), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/quarantine/{number}/drop")]
async fn drop_quarantine(
    by: May<TrafficWrite>,
    app: Data<Services>,
    number: Path<i64>,
) -> Result<HttpResponse> {
    let done = app.quarantine.decide(&by.name, *number, Verdict::Drop);
    Ok(HttpResponse::Ok().json(QuarantineView::from(done.await?)))
}
