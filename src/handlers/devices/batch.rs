//! One verb on many devices.
use super::view::{DeviceSecretView, DeviceView};
use crate::{
    error::Result,
    handlers::{
        batch::Refused,
        idempotency::Once,
        json::Json,
        principal::{DevicesWrite, May},
        problem::Problem,
    },
    models::DeviceId,
    services::{
        Services,
        devices::{DeviceAction, DeviceBatch, DeviceItem, DeviceOutcome, DeviceSecret},
    },
};
use actix_web::{HttpResponse, http::StatusCode, post, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(batch_devices);
}

/// What is done to which devices.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceBatchBody {
    pub action: DeviceVerb,
    /// 1 to 1000 ids.
    #[schema(max_items = 1000)]
    pub devices: Vec<DeviceId>,
    /// Say what would happen, and change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// A verb.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeviceVerb {
    Block,
    Unblock,
    Rotate,
    Kick,
    Remove,
}

impl From<DeviceVerb> for DeviceAction {
    fn from(verb: DeviceVerb) -> Self {
        match verb {
            DeviceVerb::Block => Self::Block,
            DeviceVerb::Unblock => Self::Unblock,
            DeviceVerb::Rotate => Self::Rotate,
            DeviceVerb::Kick => Self::Kick,
            DeviceVerb::Remove => Self::Remove,
        }
    }
}

/// What became of the devices.
#[derive(Serialize, ToSchema)]
pub struct DeviceBatchView {
    pub dry_run: bool,
    pub done: usize,
    pub failed: usize,
    /// In the order in which they were named.
    pub items: Vec<DeviceItemView>,
}

/// What became of one.
#[derive(Serialize, ToSchema)]
pub struct DeviceItemView {
    pub id: DeviceId,
    /// What the verb alone would have answered.
    pub status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceView>,
    /// Of a rotation: the device with its new secret and links. A dry run makes none, and says `device` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<DeviceSecretView>,
    /// Of a kick: how many connections are being closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Refused>,
}

impl From<&DeviceItem> for DeviceItemView {
    fn from(item: &DeviceItem) -> Self {
        let (mut device, mut secret, mut connections) = (None, None, None);
        let view =
            |detail: &crate::services::devices::DeviceDetail| DeviceView::from(detail.clone());
        match &item.done {
            Ok(DeviceOutcome::Changed(detail)) => device = Some(view(detail)),
            Ok(DeviceOutcome::Rotated(made)) => {
                secret = Some(DeviceSecretView::from(DeviceSecret::clone(made)));
            }
            Ok(DeviceOutcome::Kicked(detail, open)) => {
                device = Some(view(detail));
                connections = Some(*open);
            }
            Err(_) => {}
        }
        let error = item.done.as_ref().err().map(Refused::from);
        Self {
            id: item.device,
            status: error.as_ref().map_or(200, |e| e.status),
            device,
            secret,
            connections,
            error,
        }
    }
}

impl DeviceBatchView {
    fn of(batch: &DeviceBatch) -> Self {
        let failed = batch.items.iter().filter(|i| i.done.is_err()).count();
        Self {
            dry_run: batch.dry_run,
            done: batch.items.len() - failed,
            failed,
            items: batch.items.iter().map(Into::into).collect(),
        }
    }
}

/// Do one thing to many devices; each has its own result.
#[utoipa::path(tag = "devices", params(Once), request_body = DeviceBatchBody, responses((status = 200, body = DeviceBatchView), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/devices:batch")]
async fn batch_devices(
    by: May<DevicesWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<DeviceBatchBody>,
) -> Result<HttpResponse> {
    let Json(body) = body;
    let action = body.action.into();
    once.unless(body.dry_run)
        .run(
            &app,
            StatusCode::OK,
            async |keep| {
                let batch = app
                    .devices
                    .batch(&by, action, &body.devices, body.dry_run, keep);
                batch.await
            },
            DeviceBatchView::of,
        )
        .await
}
