//! Nodes over HTTP: `more` is what hangs on one, `config` its server's configuration.
mod config;
mod more;
mod view;

pub use more::FlagsBody;
pub(super) use more::flag;
pub use view::{ListPage, NodeReadyView, NodeView, TestView};

use super::{
    devices::KickedView,
    etag::{IfMatch, tag},
    idempotency::Once,
    json::Json,
    page::{self, Page},
    principal::{May, NodesRead, NodesWrite},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::Named,
    services::{Services, nodes::NodeDetail},
};
use actix_web::{
    HttpResponse, HttpResponseBuilder, delete, get, post, route,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;
use view::{CreateNodeBody, DeleteNode, EditNodeBody, RotateSecretBody};

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_nodes)
        .service(create_node)
        .service(show_node)
        .service(edit_node)
        .service(delete_node)
        .service(enable_node)
        .service(disable_node)
        .service(rotate_node_secret)
        .service(test_node)
        .service(kick_node)
        .configure(more::routes)
        .configure(config::routes);
}

/// An answer with secrets in it is kept by nobody on the way.
fn secret(mut answer: HttpResponseBuilder, body: NodeReadyView) -> HttpResponse {
    answer
        .insert_header(("cache-control", "no-store"))
        .json(body)
}

fn tagged(node: NodeDetail) -> HttpResponse {
    tag(HttpResponse::Ok(), node.node.version).json(NodeView::from(node))
}

/// List nodes with how far they are read.
#[utoipa::path(tag = "nodes", params(ListPage), responses((status = 200, body = Page<NodeView>)))]
#[get("/nodes")]
async fn list_nodes(
    _may: May<NodesRead>,
    app: Data<Services>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    page_of(&app, query.0.limit, query.0.cursor.as_deref()).await
}

/// One page of all nodes.
pub(super) async fn page_of(
    app: &Services,
    limit: Option<i64>,
    cursor: Option<&str>,
) -> Result<HttpResponse> {
    let limit = page::limit(limit)?;
    let rows = app.nodes.list(page::cursor(cursor)?, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.node.id, NodeView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Add a node; the answer holds its server's configuration and what a first read of its stats saw.
#[utoipa::path(tag = "nodes", params(Once), request_body = CreateNodeBody, responses((status = 201, body = NodeReadyView), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/nodes")]
async fn create_node(
    by: May<NodesWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<CreateNodeBody>,
) -> Result<HttpResponse> {
    let create = body.0.into();
    once.created::<_, NodeReadyView>(&app, async |keep| {
        app.nodes.create(&by.name, &create, keep).await
    })
    .await
}

/// Show a node.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), responses((status = 200, body = NodeView), (status = 404, body = Problem)))]
#[get("/nodes/{node}")]
async fn show_node(
    _may: May<NodesRead>,
    app: Data<Services>,
    node: Path<String>,
) -> Result<HttpResponse> {
    let node = app.nodes.find(&Named::from(node.as_str())).await?;
    Ok(tagged(node))
}

/// Change a node: what is absent stays, `null` removes.
#[utoipa::path(tag = "nodes", params(IfMatch, ("node" = String, Path, description = "Id or name")), request_body = EditNodeBody, responses((status = 200, body = NodeView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 412, body = Problem)))]
#[route("/nodes/{node}", method = "PATCH", method = "PUT")]
async fn edit_node(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
    seen: IfMatch,
    body: Json<EditNodeBody>,
) -> Result<HttpResponse> {
    let (node, edit) = (Named::from(node.as_str()), body.0.into());
    let done = app.nodes.edit(&by.name, &node, &edit, &seen.0).await?;
    Ok(tagged(done))
}

/// Delete a node: it refuses, kicks, and is read until nobody is online; or `abandon` it at once.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name"), DeleteNode), responses((status = 202, body = NodeView, description = "Draining"), (status = 204, description = "Abandoned"), (status = 404, body = Problem)))]
#[delete("/nodes/{node}")]
async fn delete_node(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
    query: Params<DeleteNode>,
) -> Result<HttpResponse> {
    let node = Named::from(node.as_str());
    if query.0.abandon {
        app.nodes.abandon(&by.name, &node).await?;
        return Ok(HttpResponse::NoContent().finish());
    }
    let node = app.nodes.remove(&by.name, &node).await?;
    Ok(HttpResponse::Accepted().json(NodeView::from(node)))
}

/// Let a node take logins again.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), responses((status = 200, body = NodeView), (status = 404, body = Problem)))]
#[post("/nodes/{node}/enable")]
async fn enable_node(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
) -> Result<HttpResponse> {
    let node = Named::from(node.as_str());
    let node = app.nodes.enable(&by.name, &node).await?;
    Ok(HttpResponse::Ok().json(NodeView::from(node)))
}

/// Let a node take no logins; it is still read, and who is on stays on.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), responses((status = 200, body = NodeView), (status = 404, body = Problem)))]
#[post("/nodes/{node}/disable")]
async fn disable_node(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
) -> Result<HttpResponse> {
    let node = Named::from(node.as_str());
    let node = app.nodes.disable(&by.name, &node).await?;
    Ok(HttpResponse::Ok().json(NodeView::from(node)))
}

/// Give a node a new hook secret; the answer holds its new configuration.
#[utoipa::path(tag = "nodes", params(Once, ("node" = String, Path, description = "Id or name")), request_body = RotateSecretBody, responses((status = 200, body = NodeReadyView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/nodes/{node}/rotate-secret")]
async fn rotate_node_secret(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
    once: Once,
    body: Json<RotateSecretBody>,
) -> Result<HttpResponse> {
    let (node, now) = (Named::from(node.as_str()), body.0.now);
    once.done::<_, NodeReadyView>(&app, async |keep| {
        app.nodes.rotate_secret(&by.name, &node, now, keep).await
    })
    .await
}

/// Look at a node's stats now, and hurry its reader.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), responses((status = 200, body = TestView), (status = 404, body = Problem)))]
#[post("/nodes/{node}/test")]
async fn test_node(
    _may: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
) -> Result<HttpResponse> {
    let test = app.nodes.test(&Named::from(node.as_str())).await?;
    Ok(HttpResponse::Ok().json(TestView::from(test)))
}

/// Close every connection of a node; who may log in may do so again.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), responses((status = 200, body = KickedView), (status = 404, body = Problem)))]
#[post("/nodes/{node}/kick")]
async fn kick_node(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
) -> Result<HttpResponse> {
    let node = Named::from(node.as_str());
    let connections = app.nodes.kick(&by.name, &node).await?;
    Ok(HttpResponse::Ok().json(KickedView { connections }))
}
