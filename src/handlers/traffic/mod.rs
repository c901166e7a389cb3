//! Traffic and connections over HTTP.
mod export;
pub mod view;

pub use view::{ConnectionView, OfTime, TrafficView};

use super::{
    page::{self, Page},
    principal::{May, Reach, TrafficRead},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::{DeviceId, Named},
    services::{
        Services,
        traffic::{ConnectionsOf, Whose},
    },
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;
use view::{ListConnections, ListOwnConnections};

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(show_user_traffic)
        .service(show_device_traffic)
        .service(show_node_traffic)
        .service(show_summary)
        .service(export::export_traffic)
        .service(list_connections)
        .service(show_traffic_of_user)
        .service(show_traffic_of_device)
        .service(show_traffic_of_node)
        .service(list_user_connections);
}

async fn answer(app: &Services, whose: Whose, time: &OfTime) -> Result<HttpResponse> {
    let traced = app.traffic.sum(&whose, time.from, time.to).await?;
    Ok(HttpResponse::Ok().json(TrafficView::from(traced)))
}

/// A user's bytes; by its id even after it was erased.
#[utoipa::path(tag = "traffic", params(("user" = String, Path, description = "Id or name"), OfTime), responses((status = 200, body = TrafficView), (status = 404, body = Problem)))]
#[get("/traffic/users/{user}")]
async fn show_user_traffic(
    _may: Reach<TrafficRead>,
    app: Data<Services>,
    user: Path<String>,
    query: Params<OfTime>,
) -> Result<HttpResponse> {
    let whose = Whose::User(Named::from(user.as_str()));
    answer(&app, whose, &query.0).await
}

/// A device's bytes.
#[utoipa::path(tag = "traffic", params(("device" = DeviceId, Path), OfTime), responses((status = 200, body = TrafficView), (status = 404, body = Problem)))]
#[get("/traffic/devices/{device}")]
async fn show_device_traffic(
    _may: Reach<TrafficRead>,
    app: Data<Services>,
    device: Path<DeviceId>,
    query: Params<OfTime>,
) -> Result<HttpResponse> {
    answer(&app, Whose::Device(*device), &query.0).await
}

/// A node's bytes; by its id even after it was deleted.
#[utoipa::path(tag = "traffic", params(("node" = String, Path, description = "Id or name"), OfTime), responses((status = 200, body = TrafficView), (status = 404, body = Problem)))]
#[get("/traffic/nodes/{node}")]
async fn show_node_traffic(
    _may: May<TrafficRead>,
    app: Data<Services>,
    node: Path<String>,
    query: Params<OfTime>,
) -> Result<HttpResponse> {
    let whose = Whose::Node(Named::from(node.as_str()));
    answer(&app, whose, &query.0).await
}

/// All bytes, by user and by node.
#[utoipa::path(tag = "traffic", params(OfTime), responses((status = 200, body = TrafficView), (status = 422, body = Problem)))]
#[get("/traffic/summary")]
async fn show_summary(
    _may: May<TrafficRead>,
    app: Data<Services>,
    query: Params<OfTime>,
) -> Result<HttpResponse> {
    let traced = app.reports.summary(query.0.from, query.0.to).await?;
    Ok(HttpResponse::Ok().json(TrafficView::from(traced)))
}

/// List connections: those online, or all that are remembered.
#[utoipa::path(tag = "traffic", params(ListConnections), responses((status = 200, body = Page<ConnectionView>), (status = 404, body = Problem)))]
#[get("/stats/connections")]
async fn list_connections(
    _may: May<TrafficRead>,
    app: Data<Services>,
    query: Params<ListConnections>,
) -> Result<HttpResponse> {
    connections(&app, query.0).await
}

async fn connections(app: &Services, query: ListConnections) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let of = ConnectionsOf {
        user: query.user.as_deref().map(Named::from),
        device: query.device,
        node: query.node.as_deref().map(Named::from),
        all: query.all,
        after: page::cursor(query.cursor.as_deref())?,
        limit: limit + 1,
    };
    let rows = app.traffic.connections(&of).await?;
    let page = Page::new(rows, limit, |row| row.id.clone(), ConnectionView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// A user's bytes, as `/traffic/users/{user}` says them.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name"), OfTime), responses((status = 200, body = TrafficView), (status = 404, body = Problem)))]
#[get("/users/{user}/traffic")]
async fn show_traffic_of_user(
    by: Reach<TrafficRead>,
    app: Data<Services>,
    user: Path<String>,
    query: Params<OfTime>,
) -> Result<HttpResponse> {
    let whose = Whose::User(by.to_user(&app, &user).await?);
    answer(&app, whose, &query.0).await
}

/// A device's bytes, as `/traffic/devices/{device}` says them.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path), OfTime), responses((status = 200, body = TrafficView), (status = 404, body = Problem)))]
#[get("/devices/{device}/traffic")]
async fn show_traffic_of_device(
    by: Reach<TrafficRead>,
    app: Data<Services>,
    device: Path<DeviceId>,
    query: Params<OfTime>,
) -> Result<HttpResponse> {
    let device = by.to_device(&app, *device).await?;
    answer(&app, Whose::Device(device), &query.0).await
}

/// A node's bytes, as `/traffic/nodes/{node}` says them.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name"), OfTime), responses((status = 200, body = TrafficView), (status = 404, body = Problem)))]
#[get("/nodes/{node}/traffic")]
async fn show_traffic_of_node(
    _may: May<TrafficRead>,
    app: Data<Services>,
    node: Path<String>,
    query: Params<OfTime>,
) -> Result<HttpResponse> {
    let whose = Whose::Node(Named::from(node.as_str()));
    answer(&app, whose, &query.0).await
}

/// List a user's connections.
#[utoipa::path(tag = "users", params(("user" = String, Path, description = "Id or name"), ListOwnConnections), responses((status = 200, body = Page<ConnectionView>), (status = 404, body = Problem)))]
#[get("/users/{user}/connections")]
async fn list_user_connections(
    by: Reach<TrafficRead>,
    app: Data<Services>,
    user: Path<String>,
    query: Params<ListOwnConnections>,
) -> Result<HttpResponse> {
    by.to_user(&app, &user).await?;
    let Params(query) = query;
    let query = ListConnections {
        limit: query.limit,
        cursor: query.cursor,
        all: query.all,
        user: Some(user.into_inner()),
        device: None,
        node: None,
    };
    connections(&app, query).await
}
