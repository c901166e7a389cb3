//! Keys over HTTP: their numbers, never the keys.
use super::{
    idempotency::Once,
    principal::{AdminRead, AdminWrite, May},
    problem::Problem,
};
use crate::{
    error::{Error, Result},
    services::{
        Services,
        keys::{KeyState, Purpose},
    },
};
use actix_web::{
    HttpResponse, delete, get, post,
    web::{Data, Path},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_keys)
        .service(rotate_key)
        .service(retire_key);
}

/// A key, without the key.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// `pepper`, `connection_id`, `sealing`, `audit` or `signing`.
    pub purpose: &'static str,
    pub number: i16,
    /// Mints, seals and signs now; the others only verify and open.
    pub mints: bool,
    /// Will do so from here on: every instance has read the file by then.
    pub mints_from: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
    /// Something still needs it: it cannot be retired.
    pub referenced: bool,
}

impl From<KeyState> for KeyView {
    fn from(key: KeyState) -> Self {
        Self {
            purpose: key.purpose.as_str(),
            number: key.number,
            mints: key.mints,
            mints_from: key.mints_from,
            created_at: key.created_at,
            referenced: key.referenced,
        }
    }
}

/// All keys.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeysView {
    /// By purpose, newest first.
    pub items: Vec<KeyView>,
}

/// List the keys' numbers.
#[utoipa::path(tag = "keys", responses((status = 200, body = KeysView)))]
#[get("/admin/keys")]
async fn list_keys(_may: May<AdminRead>, app: Data<Services>) -> Result<HttpResponse> {
    let items = app.keys.list().await?.into_iter().map(KeyView::from);
    Ok(HttpResponse::Ok().json(KeysView {
        items: items.collect(),
    }))
}

/// Add a key that mints, seals or signs from now on. What older ones hold is moved to it meanwhile.
#[utoipa::path(tag = "keys", params(Once, ("purpose" = String, Path, description = "pepper, connection_id, sealing, audit or signing")), responses((status = 201, body = KeyView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/admin/keys/{purpose}/rotate")]
async fn rotate_key(
    by: May<AdminWrite>,
    app: Data<Services>,
    once: Once,
    purpose: Path<String>,
) -> Result<HttpResponse> {
    let purpose = named(&purpose)?;
    once.created::<_, KeyView>(&app, async |keep| {
        app.keys.rotate(&by.name, purpose, keep).await
    })
    .await
}

/// Take a key that nothing needs any more out of the file.
#[utoipa::path(tag = "keys", params(("purpose" = String, Path, description = "pepper, connection_id, sealing, audit or signing"), ("number" = i16, Path)), responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[delete("/admin/keys/{purpose}/{number}")]
async fn retire_key(
    by: May<AdminWrite>,
    app: Data<Services>,
    path: Path<(String, i16)>,
) -> Result<HttpResponse> {
    let (purpose, number) = path.into_inner();
    app.keys.retire(&by.name, named(&purpose)?, number).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn named(purpose: &str) -> Result<Purpose> {
    Purpose::named(purpose).ok_or(Error::NotFound("purpose"))
}
