//! A node's server configuration: shown, checked, its versions compared and gone back to.
use super::{
    secret, tagged,
    view::{Between, NodeReadyView},
};
use crate::{
    error::Result,
    handlers::{
        etag::IfMatch,
        json::Json,
        nodes::{ListPage, NodeView},
        page::{self, Page},
        principal::{May, NodesRead, NodesWrite, SecretsRead},
        problem::Problem,
        query::Params,
    },
    models::Named,
    services::{
        Services,
        nodes::{Difference, Finding, Version, Weight},
    },
};
use actix_web::{
    HttpResponse, get, post,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(show_node_config)
        .service(validate_node_config)
        .service(list_node_versions)
        .service(compare_node_versions)
        .service(roll_node_back);
}

/// A configuration that somebody wrote or changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateBody {
    /// YAML or JSON, as it stands in the server's file.
    pub config: String,
}

/// What is wrong with a configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct FindingsView {
    /// Its customers would be admitted and counted.
    pub valid: bool,
    pub items: Vec<ConfigFindingView>,
}

/// One thing that is wrong with it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigFindingView {
    /// `error`: nobody would be admitted, or nobody counted; `warning`: something would be exposed or miscounted.
    pub weight: &'static str,
    /// Where, as a JSON pointer.
    pub path: &'static str,
    pub message: String,
}

impl From<Finding> for ConfigFindingView {
    fn from(finding: Finding) -> Self {
        Self {
            weight: match finding.weight {
                Weight::Error => "error",
                Weight::Warning => "warning",
            },
            path: finding.path,
            message: finding.message,
        }
    }
}

/// A version of a node's configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionView {
    pub version: i32,
    /// `create`, `update`, or `rollback` and the version that was gone back to.
    pub reason: String,
    /// The principal.
    pub made_by: String,
    pub at: DateTime<Utc>,
    /// It is in force.
    pub present: bool,
}

impl From<Version> for VersionView {
    fn from(version: Version) -> Self {
        Self {
            version: version.version,
            reason: version.reason,
            made_by: version.made_by,
            at: version.at,
            present: version.present,
        }
    }
}

/// What differs between two versions.
#[derive(Debug, Serialize, ToSchema)]
pub struct VersionsDiffView {
    pub from: i32,
    pub to: i32,
    pub items: Vec<DifferenceView>,
}

/// One thing that differs; of a secret, only that it does.
#[derive(Debug, Serialize, ToSchema)]
pub struct DifferenceView {
    /// Where, as a JSON pointer.
    pub path: String,
    /// `null`: it was not there.
    pub from: Option<serde_json::Value>,
    /// `null`: it is not there.
    pub to: Option<serde_json::Value>,
}

impl From<Difference> for DifferenceView {
    fn from(difference: Difference) -> Self {
        Self {
            path: difference.path,
            from: difference.from,
            to: difference.to,
        }
    }
}

/// Which version.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollBackBody {
    pub version: i32,
}

/// Show a node's configuration again, with its secrets. That it was shown is audited.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), responses((status = 200, body = NodeReadyView), (status = 404, body = Problem)))]
#[get("/nodes/{node}/config")]
async fn show_node_config(
    by: May<SecretsRead>,
    app: Data<Services>,
    node: Path<String>,
) -> Result<HttpResponse> {
    let node = Named::from(node.as_str());
    let ready = app.nodes.config(&by.name, &node).await?;
    Ok(secret(HttpResponse::Ok(), ready.into()))
}

/// Say what is wrong with a server's configuration for this node. Nothing is stored.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name")), request_body = ValidateBody, responses((status = 200, body = FindingsView), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[post("/nodes/{node}/config/validate")]
async fn validate_node_config(
    _may: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
    body: Json<ValidateBody>,
) -> Result<HttpResponse> {
    let node = Named::from(node.as_str());
    let found = app.nodes.validate(&node, body.0.config).await?;
    Ok(HttpResponse::Ok().json(FindingsView {
        valid: !found.iter().any(|f| f.weight == Weight::Error),
        items: found.into_iter().map(Into::into).collect(),
    }))
}

/// List the versions of a node's configuration, the newest first; the last 100 are kept.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name"), ListPage), responses((status = 200, body = Page<VersionView>), (status = 404, body = Problem)))]
#[get("/nodes/{node}/config/versions")]
async fn list_node_versions(
    _may: May<NodesRead>,
    app: Data<Services>,
    node: Path<String>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let before = page::cursor(query.0.cursor.as_deref())?;
    let node = Named::from(node.as_str());
    let rows = app.nodes.versions(&node, before, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.version, VersionView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Say what differs between two versions of a node's configuration.
#[utoipa::path(tag = "nodes", params(("node" = String, Path, description = "Id or name"), Between), responses((status = 200, body = VersionsDiffView), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[get("/nodes/{node}/config/diff")]
async fn compare_node_versions(
    _may: May<NodesRead>,
    app: Data<Services>,
    node: Path<String>,
    query: Params<Between>,
) -> Result<HttpResponse> {
    let (from, to) = (query.0.from, query.0.to);
    let node = Named::from(node.as_str());
    let items = app.nodes.compare(&node, from, to).await?;
    let items = items.into_iter().map(Into::into).collect();
    Ok(HttpResponse::Ok().json(VersionsDiffView { from, to, items }))
}

/// Go back to a version of a node's configuration, as a new version. The hook's secret stays the present one.
#[utoipa::path(tag = "nodes", params(IfMatch, ("node" = String, Path, description = "Id or name")), request_body = RollBackBody, responses((status = 200, body = NodeView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[post("/nodes/{node}/rollback")]
async fn roll_node_back(
    by: May<NodesWrite>,
    app: Data<Services>,
    node: Path<String>,
    seen: IfMatch,
    body: Json<RollBackBody>,
) -> Result<HttpResponse> {
    let node = Named::from(node.as_str());
    let done = app
        .nodes
        .roll_back(&by.name, &node, body.0.version, &seen.0);
    Ok(tagged(done.await?))
}
