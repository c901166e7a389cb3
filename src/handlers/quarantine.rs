//! Held counters over HTTP.
use super::{
    page::{self, Page},
    principal::{May, TrafficRead, TrafficWrite},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::Named,
    services::{
        Services,
        quarantine::{QuarantineDetail, Verdict},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_quarantine)
        .service(credit_quarantine)
        .service(drop_quarantine);
}

/// Counters that were read and not credited.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuarantineView {
    pub number: i64,
    /// The node's name.
    pub node: Option<String>,
    pub connection_id: String,
    pub generation: i64,
    /// Why they were held.
    pub reason: &'static str,
    pub tx: i64,
    pub rx: i64,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
    /// `credited`, `dropped` or `healed`; `null`: open.
    pub resolution: Option<&'static str>,
}

impl From<QuarantineDetail> for QuarantineView {
    fn from(detail: QuarantineDetail) -> Self {
        let entry = detail.entry;
        Self {
            number: entry.number,
            node: detail.node,
            connection_id: entry.connection_id,
            generation: entry.generation,
            reason: entry.reason.as_str(),
            tx: entry.tx,
            rx: entry.rx,
            first_seen_at: entry.first_seen_at,
            last_seen_at: entry.last_seen_at,
            resolved_at: entry.resolved_at,
            resolution: entry.resolution.map(|r| r.as_str()),
        }
    }
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuarantine {
    /// At most 100.
    pub limit: Option<i64>,
    pub cursor: Option<String>,
    /// Id or name.
    pub node: Option<String>,
    /// Decided ones too.
    #[serde(default)]
    pub all: bool,
}

/// List held counters.
#[utoipa::path(tag = "quarantine", params(ListQuarantine), responses((status = 200, body = Page<QuarantineView>), (status = 404, body = Problem)))]
#[get("/quarantine")]
async fn list_quarantine(
    _may: May<TrafficRead>,
    app: Data<Services>,
    query: Params<ListQuarantine>,
) -> Result<HttpResponse> {
    let Params(query) = query;
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
