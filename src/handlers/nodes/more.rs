//! What hangs on a node: its flags, its drain, its health, who is on it.
use super::{
    tagged,
    view::{ListPage, NodeView},
};
use crate::{
    error::Result,
    handlers::{
        etag::IfMatch,
        json::Json,
        page::{self, Page},
        principal::{May, NodesRead, NodesWrite, TrafficRead},
        problem::Problem,
        query::Params,
    },
    models::{Named, UserId},
    services::{
        Services,
        callers::Caller,
        nodes::{EditNode, Health, UserHere},
        store::Seen,
    },
};
use actix_web::{
    HttpResponse, get, patch, post,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(set_node_flags)
        .service(drain_node)
        .service(show_node_health)
        .service(list_node_users);
}

/// A node's labels; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FlagsBody {
    /// Good for games.
    pub gaming: Option<bool>,
    /// Good for streaming.
    pub streaming: Option<bool>,
    /// Only for users of a paid plan; others are refused and kicked.
    pub paid: Option<bool>,
    /// Takes logins.
    pub enabled: Option<bool>,
}

impl From<FlagsBody> for EditNode {
    fn from(body: FlagsBody) -> Self {
        Self {
            gaming: body.gaming,
            streaming: body.streaming,
            paid: body.paid,
            enabled: body.enabled,
            ..Self::default()
        }
    }
}

/// How a node is.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// It takes logins, and its counters are read.
    pub healthy: bool,
    #[serde(flatten)]
    pub node: NodeView,
    /// Seconds since the last merged read; `null`: it was never read.
    pub read_age: Option<i64>,
    /// Connections that are open.
    pub connections: i64,
    /// Users that have one.
    pub users: i64,
}

impl From<Health> for HealthView {
    fn from(health: Health) -> Self {
        let node = NodeView::from(health.detail);
        Self {
            healthy: node.state == "ok",
            node,
            read_age: health.read_age,
            connections: health.connections,
            users: health.users,
        }
    }
}

/// A user that is on a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserHereView {
    pub user_id: UserId,
    /// The user's name.
    pub user: String,
    /// Connections that are open.
    pub connections: i64,
    /// The oldest of them was admitted then.
    pub since: Option<DateTime<Utc>>,
}

impl From<UserHere> for UserHereView {
    fn from(here: UserHere) -> Self {
        Self {
            user_id: here.id,
            user: here.name,
            connections: here.connections,
            since: here.since,
        }
    }
}

/// Set a node's labels.
#[utoipa::path(tag = "nodes", params(IfMatch, ("node" = String, Path, description = "Id or name")), request_body = FlagsBody, responses((status = 200, body = NodeView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[patch("/nodes/{node}/flags")]
async fn set_node_flags(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
    seen: IfMatch,
    body: Json<FlagsBody>,
) -> Result<HttpResponse> {
    flag(&by, &app, &node, &seen.0, body.0).await
}

/// Sets the labels of a node that is called by its id, its name or its address.
pub async fn flag(
    by: &Caller,
    app: &Services,
    node: &str,
    seen: &Seen,
    body: FlagsBody,
) -> Result<HttpResponse> {
    let node = match app.nodes.at(node).await? {
        Some(node) => node,
        None => Named::from(node),
    };
    let done = app.nodes.edit(&by.name, &node, &body.into(), seen).await?;
    Ok(tagged(done))
}

/// Empty a node: no logins, everybody is kicked; it stays like that until it is enabled.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), responses((status = 200, body = NodeView), (status = 404, body = Problem)))]
#[post("/nodes/{node}/drain")]
async fn drain_node(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
) -> Result<HttpResponse> {
    let node = Named::from(node.as_str());
    let done = app.nodes.drain(&by.name, &node).await?;
    Ok(tagged(done))
}

/// Say how a node is, from what is known; `test` asks it.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), responses((status = 200, body = HealthView), (status = 404, body = Problem)))]
#[get("/nodes/{node}/health")]
async fn show_node_health(
    _may: May<NodesRead>,
    app: Data<Services>,
    node: Path<String>,
) -> Result<HttpResponse> {
    let health = app.nodes.health(&Named::from(node.as_str())).await?;
    Ok(HttpResponse::Ok().json(HealthView::from(health)))
}

/// List the users that are on a node.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name"), ListPage), responses((status = 200, body = Page<UserHereView>), (status = 404, body = Problem)))]
#[get("/nodes/{node}/users")]
async fn list_node_users(
    _may: May<TrafficRead>,
    app: Data<Services>,
    node: Path<String>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let after = page::cursor(query.0.cursor.as_deref())?;
    let node = Named::from(node.as_str());
    let rows = app.nodes.users(&node, after, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.number, UserHereView::from);
    Ok(HttpResponse::Ok().json(page))
}
