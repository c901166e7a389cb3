//! The servers as customers see them.
use super::principal::{NodesRead, Reach};
use crate::{
    error::Result,
    models::{Node, NodeId},
    services::{Services, callers::Whose},
};
use actix_web::{HttpResponse, get, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_servers);
}

/// A server that can be used now. Nothing in it is anybody's secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServerView {
    pub id: NodeId,
    pub name: String,
    /// `host:port`, or `host:port,range` where clients hop.
    pub address: String,
    /// Good for games.
    pub gaming: bool,
    /// Good for streaming.
    pub streaming: bool,
    /// Only for users of a paid plan.
    pub paid: bool,
}

/// The servers that can be used now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServersView {
    pub items: Vec<ServerView>,
}

impl From<Node> for ServerView {
    fn from(node: Node) -> Self {
        Self {
            id: node.id,
            name: node.name,
            address: node.address,
            gaming: node.gaming,
            streaming: node.streaming,
            paid: node.paid,
        }
    }
}

/// The servers of whoever asks.
pub(super) async fn servers(by: &Reach<NodesRead>, app: &Services) -> Result<HttpResponse> {
    let user = match by.whose {
        Whose::Own(user) => Some(user),
        Whose::All => None,
    };
    let items = app.nodes.public(user).await?;
    let items = items.into_iter().map(ServerView::from).collect();
    Ok(HttpResponse::Ok().json(ServersView { items }))
}

/// List the servers that take logins and can be read, of a user those that it may use.
#[utoipa::path(tag = "nodes", responses((status = 200, body = ServersView)))]
#[get("/public/servers")]
async fn list_servers(by: Reach<NodesRead>, app: Data<Services>) -> Result<HttpResponse> {
    servers(&by, &app).await
}
