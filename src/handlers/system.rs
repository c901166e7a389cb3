//! This instance's health and state over HTTP; `livez` and `readyz` are open and say nothing else.
use super::{
    principal::{May, SystemRead, SystemWrite},
    problem::Problem,
};
use crate::{error::Result, services::Services};
use actix_web::{HttpResponse, get, http::StatusCode, post, web::Data};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes below the API's prefix.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(reload).service(show_status);
}

/// The open routes.
pub fn open_routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(livez).service(readyz);
}

/// That it runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: &'static str,
}

/// What this instance holds in memory.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusView {
    pub version: &'static str,
    /// The directory is filled and follows the change log.
    pub ready: bool,
    /// The last read of the change log.
    pub directory_read_at: Option<DateTime<Utc>>,
}

/// Is the process alive?
#[utoipa::path(tag = "system", responses((status = 200, body = Health)), security(()))]
#[get("/livez")]
async fn livez() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok" })
}

/// Does it answer logins from a directory that follows the database?
#[utoipa::path(tag = "system", responses((status = 200, body = Health), (status = 503, body = Problem)), security(()))]
#[get("/readyz")]
async fn readyz(app: Data<Services>) -> HttpResponse {
    if app.directory.is_ready() {
        return HttpResponse::Ok().json(Health { status: "ok" });
    }
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "not_ready",
        "the directory does not follow the database",
    )
    .response()
}

/// Compare the whole directory with the database, and read every node now.
#[utoipa::path(tag = "system", responses((status = 200, body = StatusView), (status = 503, body = Problem)))]
#[post("/hysteria/reload")]
async fn reload(_may: May<SystemWrite>, app: Data<Services>) -> Result<HttpResponse> {
    app.directory.reconcile().await?;
    app.hurry.all();
    Ok(HttpResponse::Ok().json(status(&app)))
}

/// What this instance holds.
#[utoipa::path(tag = "system", responses((status = 200, body = StatusView)))]
#[get("/hysteria/status")]
async fn show_status(_may: May<SystemRead>, app: Data<Services>) -> HttpResponse {
    HttpResponse::Ok().json(status(&app))
}

fn status(app: &Services) -> StatusView {
    StatusView {
        version: env!("CARGO_PKG_VERSION"),
        ready: app.directory.is_ready(),
        directory_read_at: app.directory.read_at(),
    }
}
