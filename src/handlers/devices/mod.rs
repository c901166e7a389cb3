//! Devices over HTTP: `reveal` shows secrets again.
mod batch;
mod png;
mod reveal;
mod view;

pub use view::{DeviceSecretView, DeviceView, KickedView};

use super::{
    etag::{IfMatch, tag},
    idempotency::Once,
    json::Json,
    page::{self, Page, Shown},
    principal::{DevicesRead, DevicesWrite, May, Reach},
    problem::Problem,
    query::Params,
};
use crate::{
    error::{Error, Result},
    models::{DeviceId, Named},
    services::{
        Services,
        devices::{After, DeviceDetail, Filter},
    },
};
use actix_web::{
    HttpResponse, delete, get, post, route,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;
use view::{CreateDeviceBody, EditDeviceBody, ListDevices, RotateBody};

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_devices)
        .service(list_user_devices)
        .service(create_device)
        .service(show_device)
        .service(edit_device)
        .service(remove_device)
        .service(block_device)
        .service(unblock_device)
        .service(rotate_device)
        .service(kick_device)
        .configure(batch::routes)
        .configure(reveal::routes);
}

fn tagged(device: DeviceDetail) -> HttpResponse {
    tag(HttpResponse::Ok(), device.device.version).json(DeviceView::from(device))
}

async fn page_of(app: &Services, user: Option<&Named>, query: ListDevices) -> Result<HttpResponse> {
    let limit = page::limit(query.limit)?;
    let shown = Shown::of(query.fields.as_deref(), DeviceView::FIELDS)?;
    let after = page::cursor::<After>(query.cursor.as_deref())?;
    let by_name = query.search.is_some();
    if after
        .as_ref()
        .is_some_and(|a| matches!(a, After::Name(..)) != by_name)
    {
        return Err(Error::field("cursor", "is of another order"));
    }
    let filter = Filter {
        user: None,
        after,
        state: query.state(),
        prefix: query.search,
        limit: limit + 1,
    };
    let (rows, total) = app.devices.list(user, filter, query.total).await?;
    let key = |row: &DeviceDetail| {
        if by_name {
            After::Name(row.device.name.clone(), row.device.id.0)
        } else {
            After::Id(row.device.id.0)
        }
    };
    let page = Page::new(rows, limit, key, DeviceView::from).counted(total);
    page.answer(shown.as_ref())
}

/// List the devices of all users.
#[utoipa::path(tag = "devices", params(ListDevices), responses((status = 200, body = Page<DeviceView>)))]
#[get("/devices")]
async fn list_devices(
    _may: May<DevicesRead>,
    app: Data<Services>,
    query: Params<ListDevices>,
) -> Result<HttpResponse> {
    page_of(&app, None, query.0).await
}

/// List a user's devices.
#[utoipa::path(tag = "devices", params(("user" = String, Path, description = "Id or name"), ListDevices), responses((status = 200, body = Page<DeviceView>), (status = 404, body = Problem)))]
#[get("/users/{user}/devices")]
async fn list_user_devices(
    _may: Reach<DevicesRead>,
    app: Data<Services>,
    user: Path<String>,
    query: Params<ListDevices>,
) -> Result<HttpResponse> {
    page_of(&app, Some(&Named::from(user.as_str())), query.0).await
}

/// Register a device; the answer shows its secret and its links.
#[utoipa::path(tag = "devices", params(Once, ("user" = String, Path, description = "Id or name")), request_body = CreateDeviceBody, responses((status = 201, body = DeviceSecretView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/users/{user}/devices")]
async fn create_device(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    user: Path<String>,
    once: Once,
    body: Json<CreateDeviceBody>,
) -> Result<HttpResponse> {
    if body.0.exceeds_own() {
        by.must_reach_all("devices:write")?;
    }
    let (user, create) = (Named::from(user.as_str()), body.0.into());
    once.created::<_, DeviceSecretView>(&app, async |keep| {
        app.devices.create(&by, &user, &create, keep).await
    })
    .await
}

/// Show a device.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path)), responses((status = 200, body = DeviceView), (status = 404, body = Problem)))]
#[get("/devices/{device}")]
async fn show_device(
    _may: Reach<DevicesRead>,
    app: Data<Services>,
    device: Path<DeviceId>,
) -> Result<HttpResponse> {
    let device = app.devices.find(*device).await?;
    Ok(tagged(device))
}

/// Change a device: what is absent stays.
#[utoipa::path(tag = "devices", params(IfMatch, ("device" = DeviceId, Path)), request_body = EditDeviceBody, responses((status = 200, body = DeviceView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem), (status = 412, body = Problem)))]
#[route("/devices/{device}", method = "PATCH", method = "PUT")]
async fn edit_device(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    device: Path<DeviceId>,
    seen: IfMatch,
    body: Json<EditDeviceBody>,
) -> Result<HttpResponse> {
    if body.0.max_connections.is_some() {
        by.must_reach_all("devices:write")?;
    }
    let edit = body.0.into();
    let done = app.devices.edit(&by, *device, &edit, &seen.0).await?;
    Ok(tagged(done))
}

/// Remove a device: refused from the answer on, and kicked; its secret is erased.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path)), responses((status = 200, body = DeviceView), (status = 404, body = Problem)))]
#[delete("/devices/{device}")]
async fn remove_device(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    device: Path<DeviceId>,
) -> Result<HttpResponse> {
    let done = app.devices.remove(&by, *device).await?;
    Ok(HttpResponse::Ok().json(DeviceView::from(done)))
}

/// Block a device: refused from the answer on, and kicked.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path)), responses((status = 200, body = DeviceView), (status = 404, body = Problem)))]
#[post("/devices/{device}/block")]
async fn block_device(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    device: Path<DeviceId>,
) -> Result<HttpResponse> {
    let done = app.devices.block(&by, *device).await?;
    Ok(HttpResponse::Ok().json(DeviceView::from(done)))
}

/// Let a blocked device in again.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path)), responses((status = 200, body = DeviceView), (status = 404, body = Problem)))]
#[post("/devices/{device}/unblock")]
async fn unblock_device(
    by: May<DevicesWrite>,
    app: Data<Services>,
    device: Path<DeviceId>,
) -> Result<HttpResponse> {
    let done = app.devices.unblock(&by, *device).await?;
    Ok(HttpResponse::Ok().json(DeviceView::from(done)))
}

/// Give a device a new secret: the old one is refused from the answer on, its connections are kicked.
#[utoipa::path(tag = "devices", params(Once, ("device" = DeviceId, Path)), request_body = RotateBody, responses((status = 200, body = DeviceSecretView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/devices/{device}/rotate")]
async fn rotate_device(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    device: Path<DeviceId>,
    once: Once,
    body: Json<RotateBody>,
) -> Result<HttpResponse> {
    if body.0.exceeds_own() {
        by.must_reach_all("devices:write")?;
    }
    let rotate = body.0.into();
    once.done::<_, DeviceSecretView>(&app, async |keep| {
        app.devices.rotate(&by, *device, &rotate, keep).await
    })
    .await
}

/// Close a device's connections; it may log in again.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path)), responses((status = 200, body = KickedView), (status = 404, body = Problem)))]
#[post("/devices/{device}/kick")]
async fn kick_device(
    by: Reach<DevicesWrite>,
    app: Data<Services>,
    device: Path<DeviceId>,
) -> Result<HttpResponse> {
    let connections = app.devices.kick(&by, *device).await?;
    Ok(HttpResponse::Ok().json(KickedView { connections }))
}
