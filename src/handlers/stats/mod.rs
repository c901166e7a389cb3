//! This instance and its figures over HTTP.
mod view;

pub use view::{OnlineView, StepWord};

use super::{
    principal::{May, SystemRead, TrafficRead},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::Named,
    services::{
        Services,
        reports::{SeriesOf, Step},
        system::{Pool, Snapshot},
    },
};
use actix_web::{HttpResponse, get, web::Data};
use utoipa_actix_web::service_config::ServiceConfig;
use view::{DirectoryView, PointView, PoolView, SeriesQuery, SeriesView, SystemView};

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(show_system)
        .service(show_traffic_series)
        .service(show_online);
}

/// This instance: memory, pools, what it holds.
#[utoipa::path(tag = "system", responses((status = 200, body = SystemView)))]
#[get("/stats/system")]
async fn show_system(_may: May<SystemRead>, app: Data<Services>) -> Result<HttpResponse> {
    let database_bytes = app.reports.database_size().await?;
    let Snapshot {
        started_at,
        uptime_seconds,
        memory_bytes,
        threads,
        pools,
        redis_up,
        users,
        devices,
        directory_read_at,
        ready,
    } = app.system.snapshot();
    let pool = |pool: Pool| PoolView {
        name: pool.name,
        size: pool.size,
        open: pool.open,
        idle: pool.idle,
        waiting: pool.waiting,
    };
    Ok(HttpResponse::Ok().json(SystemView {
        version: env!("CARGO_PKG_VERSION"),
        started_at,
        uptime_seconds,
        memory_bytes,
        threads,
        database_bytes,
        pools: pools.into_iter().map(pool).collect(),
        redis_up,
        directory: DirectoryView {
            users,
            devices,
            read_at: directory_read_at,
            ready,
        },
    }))
}

/// Bytes by hour or day up to now, of all, of a user or of a node.
#[utoipa::path(tag = "traffic", params(SeriesQuery), responses((status = 200, body = SeriesView), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[get("/stats/traffic")]
async fn show_traffic_series(
    _may: May<TrafficRead>,
    app: Data<Services>,
    query: Params<SeriesQuery>,
) -> Result<HttpResponse> {
    let Params(query) = query;
    let step = query.step.map_or(Step::Hour, Step::from);
    let of = SeriesOf {
        step,
        points: query.points.unwrap_or(24),
        user: query.user.as_deref().map(Named::from),
        node: query.node.as_deref().map(Named::from),
    };
    let series = app.reports.series(&of).await?;
    Ok(HttpResponse::Ok().json(SeriesView {
        from: series.from,
        to: series.to,
        points: series.points.into_iter().map(PointView::from).collect(),
    }))
}

/// Who is online, as far as this instance knows.
#[utoipa::path(tag = "traffic", responses((status = 200, body = OnlineView)))]
#[get("/stats/online")]
async fn show_online(_may: May<TrafficRead>, app: Data<Services>) -> HttpResponse {
    HttpResponse::Ok().json(OnlineView::of(&app))
}
