//! Groups over HTTP.
use super::{
    idempotency::Once,
    json::Json,
    nodes::ListPage,
    page::{self, Page},
    principal::{May, UsersRead, UsersWrite},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::{GroupId, Named},
    services::{
        Services,
        callers::Caller,
        groups::{GroupDetail, Member},
    },
};
use actix_web::{
    HttpResponse, delete, get, post, put,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_groups)
        .service(create_group)
        .service(show_group)
        .service(delete_group)
        .service(add_group_user)
        .service(remove_group_user)
        .service(add_group_node)
        .service(remove_group_node);
}

/// A set of nodes that a set of users may use.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupView {
    pub id: GroupId,
    pub name: String,
    /// How many users are in it; 10000 stands for that many or more.
    pub users: i64,
    /// How many nodes are in it.
    pub nodes: i64,
    pub created_at: DateTime<Utc>,
}

impl From<GroupDetail> for GroupView {
    fn from(detail: GroupDetail) -> Self {
        Self {
            id: detail.group.id,
            name: detail.group.name,
            users: detail.users,
            nodes: detail.nodes,
            created_at: detail.group.created_at,
        }
    }
}

/// What a group is made with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGroupBody {
    /// 1 to 63 of a-z, 0-9 and -.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
}

/// List groups.
#[utoipa::path(tag = "groups", params(ListPage), responses((status = 200, body = Page<GroupView>)))]
#[get("/groups")]
async fn list_groups(
    _may: May<UsersRead>,
    app: Data<Services>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let after = page::cursor(query.0.cursor.as_deref())?;
    let rows = app.groups.list(after, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.group.id, GroupView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Make a group.
#[utoipa::path(tag = "groups", params(Once), request_body = CreateGroupBody, responses((status = 201, body = GroupView), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/groups")]
async fn create_group(
    by: May<UsersWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<CreateGroupBody>,
) -> Result<HttpResponse> {
    let name = body.0.name;
    once.created::<_, GroupView>(&app, async |keep| {
        app.groups.create(&by.name, &name, keep).await
    })
    .await
}

/// Show a group.
#[utoipa::path(tag = "groups", params(("group" = String, Path, description = "Id or name")), responses((status = 200, body = GroupView), (status = 404, body = Problem)))]
#[get("/groups/{group}")]
async fn show_group(
    _may: May<UsersRead>,
    app: Data<Services>,
    group: Path<String>,
) -> Result<HttpResponse> {
    let group = app.groups.find(&Named::from(group.as_str())).await?;
    Ok(HttpResponse::Ok().json(GroupView::from(group)))
}

/// Delete a group: whoever could use a node by it alone is refused and kicked.
#[utoipa::path(tag = "groups", params(("group" = String, Path, description = "Id or name")), responses((status = 204, description = "Deleted"), (status = 404, body = Problem)))]
#[delete("/groups/{group}")]
async fn delete_group(
    by: May<UsersWrite>,
    app: Data<Services>,
    group: Path<String>,
) -> Result<HttpResponse> {
    let group = Named::from(group.as_str());
    app.groups.delete(&by.name, &group).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn set(
    by: &Caller,
    app: &Services,
    group: &str,
    member: Member,
    inside: bool,
) -> Result<HttpResponse> {
    let group = Named::from(group);
    app.groups.set(by, &group, &member, inside).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Put a user into a group.
#[utoipa::path(tag = "groups", params(("group" = String, Path, description = "Id or name"), ("user" = String, Path, description = "Id or name")), responses((status = 204, description = "Inside"), (status = 404, body = Problem)))]
#[put("/groups/{group}/users/{user}")]
async fn add_group_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    path: Path<(String, String)>,
) -> Result<HttpResponse> {
    let member = Member::User(Named::from(path.1.as_str()));
    set(&by, &app, &path.0, member, true).await
}

/// Take a user out of a group.
#[utoipa::path(tag = "groups", params(("group" = String, Path, description = "Id or name"), ("user" = String, Path, description = "Id or name")), responses((status = 204, description = "Outside"), (status = 404, body = Problem)))]
#[delete("/groups/{group}/users/{user}")]
async fn remove_group_user(
    by: May<UsersWrite>,
    app: Data<Services>,
    path: Path<(String, String)>,
) -> Result<HttpResponse> {
    let member = Member::User(Named::from(path.1.as_str()));
    set(&by, &app, &path.0, member, false).await
}

/// Put a node into a group.
#[utoipa::path(tag = "groups", params(("group" = String, Path, description = "Id or name"), ("node" = String, Path, description = "Id or name")), responses((status = 204, description = "Inside"), (status = 404, body = Problem)))]
#[put("/groups/{group}/nodes/{node}")]
async fn add_group_node(
    by: May<UsersWrite>,
    app: Data<Services>,
    path: Path<(String, String)>,
) -> Result<HttpResponse> {
    let member = Member::Node(Named::from(path.1.as_str()));
    set(&by, &app, &path.0, member, true).await
}

/// Take a node out of a group.
#[utoipa::path(tag = "groups", params(("group" = String, Path, description = "Id or name"), ("node" = String, Path, description = "Id or name")), responses((status = 204, description = "Outside"), (status = 404, body = Problem)))]
#[delete("/groups/{group}/nodes/{node}")]
async fn remove_group_node(
    by: May<UsersWrite>,
    app: Data<Services>,
    path: Path<(String, String)>,
) -> Result<HttpResponse> {
    let member = Member::Node(Named::from(path.1.as_str()));
    set(&by, &app, &path.0, member, false).await
}
