//! Routes that a source design names and that are not built yet: each says which feature is missing.
use super::{
    principal::{May, SystemWrite},
    problem::Problem,
};
use crate::error::{Error, Result};
use actix_web::{HttpResponse, get, post};
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(backup_config)
        .service(list_backups)
        .service(restore_backup);
}

fn backup() -> Error {
    Error::NotBuilt("backup and restore from the API")
}

/// Back the configuration up: not built yet.
#[utoipa::path(tag = "later", responses((status = 501, body = Problem)))]
#[post("/config/backup")]
async fn backup_config(_may: May<SystemWrite>) -> Result<HttpResponse> {
    Err(backup())
}

/// Fetch a backup: not built yet.
#[utoipa::path(tag = "later", responses((status = 501, body = Problem)))]
#[get("/admin/backup")]
async fn list_backups(_may: May<SystemWrite>) -> Result<HttpResponse> {
    Err(backup())
}

/// Restore a backup: not built yet.
#[utoipa::path(tag = "later", responses((status = 501, body = Problem)))]
#[post("/admin/restore")]
async fn restore_backup(_may: May<SystemWrite>) -> Result<HttpResponse> {
    Err(backup())
}
