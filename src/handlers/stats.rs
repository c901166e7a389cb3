//! This instance and its figures over HTTP.
use super::{
    admin::view::{PointView, SeriesQuery, SeriesView},
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
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(show_system)
        .service(show_traffic_series)
        .service(show_online);
}

/// This instance.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemView {
    pub version: &'static str,
    pub started_at: DateTime<Utc>,
    pub uptime_seconds: i64,
    /// Resident; `null` where the system does not tell.
    pub memory_bytes: Option<u64>,
    pub threads: Option<u64>,
    pub database_bytes: i64,
    pub pools: Vec<PoolView>,
    /// Whether Redis answers; `null` without Redis.
    pub redis_up: Option<bool>,
    pub directory: DirectoryView,
}

/// A pool of connections to the database.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoolView {
    pub name: &'static str,
    pub size: usize,
    pub open: usize,
    pub idle: usize,
    pub waiting: usize,
}

/// What logins are decided from.
#[derive(Debug, Serialize, ToSchema)]
pub struct DirectoryView {
    pub users: usize,
    pub devices: usize,
    pub read_at: Option<DateTime<Utc>>,
    /// Filled, and follows the change log.
    pub ready: bool,
}

/// Who is online, as far as this instance knows.
#[derive(Debug, Serialize, ToSchema)]
pub struct OnlineView {
    pub users: usize,
    pub devices: usize,
    pub connections: usize,
    pub nodes: Vec<NodeOnlineView>,
}

/// Devices online on a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeOnlineView {
    pub node: String,
    pub devices: usize,
}

impl OnlineView {
    pub(super) fn of(app: &Services) -> Self {
        let (online, nodes) = app.system.online();
        let nodes = nodes.into_iter();
        Self {
            users: online.users,
            devices: online.devices,
            connections: online.connections,
            nodes: nodes
                .map(|(node, devices)| NodeOnlineView { node, devices })
                .collect(),
        }
    }
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
