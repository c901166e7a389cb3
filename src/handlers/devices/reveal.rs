//! Secrets shown again: links, QR codes, client configurations. Never cached on the way.
use super::{
    png,
    view::{ConfigFormat, LinksView, OfNode, QrFormat, WhichConfig, WhichQr},
};
use crate::{
    error::{Error, Result},
    handlers::{
        principal::{Reach, SecretsRead},
        problem::Problem,
        query::Params,
    },
    models::DeviceId,
    services::{Services, links::Format},
};
use actix_web::{
    HttpResponse, get,
    web::{Data, Path},
};
use fast_qr::{QRBuilder, convert::svg::SvgBuilder};
use secrecy::ExposeSecret;
use utoipa_actix_web::service_config::ServiceConfig;

/// What its user must be told: the body is the client's own file and has no place for it.
const WARNING: &str = "x-hywarden-warning";
const NO_STORE: (&str, &str) = ("cache-control", "no-store");

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(show_device_uri)
        .service(show_device_config)
        .service(show_device_qr);
}

/// A device's links, one a permitted node.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path), OfNode), responses((status = 200, body = LinksView), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[get("/devices/{device}/uri")]
async fn show_device_uri(
    by: Reach<SecretsRead>,
    app: Data<Services>,
    device: Path<DeviceId>,
    query: Params<OfNode>,
) -> Result<HttpResponse> {
    let links = app
        .devices
        .links(&by.name, *device, query.0.node.as_deref())
        .await?;
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .json(LinksView::from(&links)))
}

/// A client's configuration for one node, ready to be written to a file.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path), WhichConfig), responses((status = 200, body = serde_json::Value, headers(("x-hywarden-warning" = String, description = "What the user of this configuration must be told, if anything"))), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[get("/devices/{device}/config")]
async fn show_device_config(
    by: Reach<SecretsRead>,
    app: Data<Services>,
    device: Path<DeviceId>,
    query: Params<WhichConfig>,
) -> Result<HttpResponse> {
    let format = match query.0.format.unwrap_or_default() {
        ConfigFormat::Hysteria => Format::Hysteria,
        ConfigFormat::SingBox => Format::SingBox,
    };
    let config = app
        .devices
        .config(&by.name, *device, query.0.node.as_deref(), format)
        .await?;
    let text = serde_json::to_string_pretty(&config.file).map_err(anyhow::Error::from)?;
    let mut answer = HttpResponse::Ok();
    answer
        .insert_header(NO_STORE)
        .content_type("application/json");
    if let Some(warning) = config.warning {
        answer.insert_header((WARNING, warning));
    }
    Ok(answer.body(text + "\n"))
}

/// A link as a QR code, in SVG or PNG.
#[utoipa::path(tag = "devices", params(("device" = DeviceId, Path), WhichQr), responses((status = 200, description = "The picture", content((String = "image/svg+xml"), (String = "image/png"))), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[get("/devices/{device}/qr")]
async fn show_device_qr(
    by: Reach<SecretsRead>,
    app: Data<Services>,
    device: Path<DeviceId>,
    query: Params<WhichQr>,
) -> Result<HttpResponse> {
    let links = app
        .devices
        .links(&by.name, *device, query.0.node.as_deref());
    let links = links.await?;
    let link = links
        .all
        .first()
        .ok_or_else(|| Error::State("no node is permitted to the device's user".to_owned()))?;
    let code = QRBuilder::new(link.uri.expose_secret())
        .build()
        .map_err(|_| Error::State("the link is too long for a QR code".to_owned()))?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header(NO_STORE);
    Ok(match query.0.format.unwrap_or_default() {
        QrFormat::Svg => answer
            .content_type("image/svg+xml")
            .body(SvgBuilder::default().to_str(&code)),
        QrFormat::Png => answer.content_type("image/png").body(png::picture(&code)),
    })
}
