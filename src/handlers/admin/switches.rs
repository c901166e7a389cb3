//! Maintenance, settings, and the configuration.
use crate::{
    error::Result,
    handlers::{
        etag::{IfMatch, tag},
        json::{Json, nullable},
        principal::{AdminRead, AdminWrite, May},
        problem::Problem,
    },
    services::{
        Services,
        configuration::Looked,
        store::Seen,
        switches::{EditSwitches, Switches},
    },
};
use actix_web::{HttpResponse, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(show_maintenance)
        .service(set_maintenance)
        .service(show_settings)
        .service(edit_settings)
        .service(show_config)
        .service(validate_config)
        .service(reload_config);
}

/// Whether changes are taken.
#[derive(Debug, Serialize, ToSchema)]
pub struct MaintenanceView {
    /// The API takes no changes; the hook goes on answering.
    pub enabled: bool,
    pub since: Option<DateTime<Utc>>,
    pub by: Option<String>,
    /// What the panel shows.
    pub banner: Option<String>,
}

impl From<&Switches> for MaintenanceView {
    fn from(switches: &Switches) -> Self {
        Self {
            enabled: switches.maintenance,
            since: switches.maintenance_since,
            by: switches.maintenance_by.clone(),
            banner: switches.banner.clone(),
        }
    }
}

/// Turns maintenance on or off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMaintenance {
    pub enabled: bool,
    /// What the panel shows meanwhile; `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(min_length = 1, max_length = 500)]
    pub banner: Option<Option<String>>,
}

/// What admins switch while the program runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct SettingsView {
    pub maintenance: bool,
    /// What the panel shows to everybody.
    pub banner: Option<String>,
    /// Every new login is refused with `maintenance_deny`.
    pub deny_logins: bool,
    /// In place of the configuration's `log.level`.
    pub log_level: Option<String>,
    /// Rises with each change; the `ETag`.
    pub version: i64,
}

impl From<&Switches> for SettingsView {
    fn from(switches: &Switches) -> Self {
        Self {
            maintenance: switches.maintenance,
            banner: switches.banner.clone(),
            deny_logins: switches.deny_logins,
            log_level: switches.log_level.clone(),
            version: switches.version,
        }
    }
}

/// What to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditSettings {
    pub maintenance: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(min_length = 1, max_length = 500)]
    pub banner: Option<Option<String>>,
    pub deny_logins: Option<bool>,
    /// `error`, `warn`, `info`, `debug` or `trace`; `null`: as configured.
    #[serde(default, deserialize_with = "nullable")]
    pub log_level: Option<Option<String>>,
}

/// What the configuration's sources say now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigCheckView {
    pub valid: bool,
    /// What is wrong: the place and the key.
    pub error: Option<String>,
    /// Keys that differ from what is in force and are put into force by a reload.
    pub reloadable: Vec<String>,
    /// Keys that differ and need a restart.
    pub needs_restart: Vec<String>,
}

impl From<Looked> for ConfigCheckView {
    fn from(looked: Looked) -> Self {
        Self {
            valid: looked.error.is_none(),
            error: looked.error,
            reloadable: looked.reloadable,
            needs_restart: looked.needs_restart,
        }
    }
}

/// Whether the API takes changes.
#[utoipa::path(tag = "admin", responses((status = 200, body = MaintenanceView)))]
#[get("/admin/maintenance")]
async fn show_maintenance(_may: May<AdminRead>, app: Data<Services>) -> HttpResponse {
    HttpResponse::Ok().json(MaintenanceView::from(&*app.switches.now()))
}

/// Let the API take no changes, or take them again. The hook, the counting and the cutting off go on.
#[utoipa::path(tag = "admin", request_body = SetMaintenance, responses((status = 200, body = MaintenanceView), (status = 422, body = Problem)))]
#[post("/admin/maintenance")]
async fn set_maintenance(
    by: May<AdminWrite>,
    app: Data<Services>,
    body: Json<SetMaintenance>,
) -> Result<HttpResponse> {
    let edit = EditSwitches {
        maintenance: Some(body.0.enabled),
        banner: body.0.banner,
        ..EditSwitches::default()
    };
    let what = if body.0.enabled {
        ("maintenance.begin", "maintenance.began")
    } else {
        ("maintenance.end", "maintenance.ended")
    };
    let switches = app
        .switches
        .edit(&by.name, what, &edit, &Seen::Anything)
        .await?;
    Ok(HttpResponse::Ok().json(MaintenanceView::from(&*switches)))
}

/// What admins switch while the program runs.
#[utoipa::path(tag = "admin", responses((status = 200, body = SettingsView)))]
#[get("/admin/settings")]
async fn show_settings(_may: May<AdminRead>, app: Data<Services>) -> HttpResponse {
    let switches = app.switches.now();
    tag(HttpResponse::Ok(), switches.version).json(SettingsView::from(&*switches))
}

/// Change what is given; in force on every instance within a second.
#[utoipa::path(tag = "admin", params(IfMatch), request_body = EditSettings, responses((status = 200, body = SettingsView), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[patch("/admin/settings")]
async fn edit_settings(
    by: May<AdminWrite>,
    app: Data<Services>,
    seen: IfMatch,
    body: Json<EditSettings>,
) -> Result<HttpResponse> {
    let edit = EditSwitches {
        maintenance: body.0.maintenance,
        banner: body.0.banner,
        deny_logins: body.0.deny_logins,
        log_level: body.0.log_level,
    };
    let what = ("settings.update", "settings.updated");
    let switches = app.switches.edit(&by.name, what, &edit, &seen.0).await?;
    let answer = tag(HttpResponse::Ok(), switches.version);
    Ok({ answer }.json(SettingsView::from(&*switches)))
}

/// The configuration in force, without secrets, section by section.
#[utoipa::path(tag = "admin", responses((status = 200, body = serde_json::Value)))]
#[get("/config")]
async fn show_config(_may: May<AdminRead>, app: Data<Services>) -> Result<HttpResponse> {
    Ok(HttpResponse::Ok().json(app.configuration.running()?))
}

/// Whether the configuration's sources could be read now, and what a reload or a restart would change.
#[utoipa::path(tag = "admin", responses((status = 200, body = ConfigCheckView)))]
#[get("/config/validate")]
async fn validate_config(_may: May<AdminRead>, app: Data<Services>) -> HttpResponse {
    HttpResponse::Ok().json(ConfigCheckView::from(app.configuration.look()))
}

/// Read the configuration again and put into force what needs no restart.
#[utoipa::path(tag = "admin", responses((status = 200, body = ConfigCheckView)))]
#[post("/config/reload")]
async fn reload_config(by: May<AdminWrite>, app: Data<Services>) -> Result<HttpResponse> {
    let looked = app.configuration.reload(&by.name).await?;
    Ok(HttpResponse::Ok().json(ConfigCheckView::from(looked)))
}
