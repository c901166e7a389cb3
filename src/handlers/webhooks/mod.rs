//! Webhooks over HTTP.
mod view;

use super::{
    etag::{IfMatch, tag},
    idempotency::Once,
    json::Json,
    nodes::ListPage,
    page::{self, Page},
    principal::{May, WebhooksRead, WebhooksWrite},
    problem::Problem,
    query::Params,
};
use crate::{
    error::Result,
    models::Named,
    services::{Services, webhooks::CreateWebhook},
};
use actix_web::{
    HttpResponse, delete, get, patch, post,
    web::{Data, Path},
};
use utoipa_actix_web::service_config::ServiceConfig;
use uuid::Uuid;
use view::{
    CreateWebhookBody, DeliveryTestView, DeliveryView, EditWebhookBody, ListDeliveries,
    WebhookSecretView, WebhookView,
};

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(list_webhooks)
        .service(create_webhook)
        .service(show_webhook)
        .service(edit_webhook)
        .service(delete_webhook)
        .service(rotate_webhook_secret)
        .service(test_webhook)
        .service(list_deliveries)
        .service(resend_delivery);
}

/// List webhooks.
#[utoipa::path(tag = "webhooks", params(ListPage), responses((status = 200, body = Page<WebhookView>)))]
#[get("/webhooks")]
async fn list_webhooks(
    _may: May<WebhooksRead>,
    app: Data<Services>,
    query: Params<ListPage>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let after = page::cursor(query.0.cursor.as_deref())?;
    let rows = app.webhooks.list(after, limit + 1).await?;
    let page = Page::new(rows, limit, |row| row.id, WebhookView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Make a webhook; its secret is shown in this answer and never again.
#[utoipa::path(tag = "webhooks", params(Once), request_body = CreateWebhookBody, responses((status = 201, body = WebhookSecretView), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/webhooks")]
async fn create_webhook(
    by: May<WebhooksWrite>,
    app: Data<Services>,
    once: Once,
    body: Json<CreateWebhookBody>,
) -> Result<HttpResponse> {
    let create = CreateWebhook::from(body.0);
    once.created::<_, WebhookSecretView>(&app, async |keep| {
        app.webhooks.create(&by.name, &create, keep).await
    })
    .await
}

/// One webhook.
#[utoipa::path(tag = "webhooks", params(("webhook" = String, Path, description = "Id or name")), responses((status = 200, body = WebhookView), (status = 404, body = Problem)))]
#[get("/webhooks/{webhook}")]
async fn show_webhook(
    _may: May<WebhooksRead>,
    app: Data<Services>,
    webhook: Path<String>,
) -> Result<HttpResponse> {
    let webhook = app.webhooks.find(&Named::from(webhook.as_str())).await?;
    let answer = tag(HttpResponse::Ok(), webhook.version);
    Ok({ answer }.json(WebhookView::from(webhook)))
}

/// Change what is given. A new URL, or being enabled, wakes it up.
#[utoipa::path(tag = "webhooks", params(IfMatch, ("webhook" = String, Path, description = "Id or name")), request_body = EditWebhookBody, responses((status = 200, body = WebhookView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 412, body = Problem), (status = 422, body = Problem)))]
#[patch("/webhooks/{webhook}")]
async fn edit_webhook(
    by: May<WebhooksWrite>,
    app: Data<Services>,
    webhook: Path<String>,
    seen: IfMatch,
    body: Json<EditWebhookBody>,
) -> Result<HttpResponse> {
    let which = Named::from(webhook.as_str());
    let edit = body.0.into();
    let webhook = app.webhooks.edit(&by.name, &which, &edit, &seen.0).await?;
    let answer = tag(HttpResponse::Ok(), webhook.version);
    Ok({ answer }.json(WebhookView::from(webhook)))
}

/// Remove a webhook and its log.
#[utoipa::path(tag = "webhooks", params(("webhook" = String, Path, description = "Id or name")), responses((status = 204), (status = 404, body = Problem)))]
#[delete("/webhooks/{webhook}")]
async fn delete_webhook(
    by: May<WebhooksWrite>,
    app: Data<Services>,
    webhook: Path<String>,
) -> Result<HttpResponse> {
    let which = Named::from(webhook.as_str());
    app.webhooks.delete(&by.name, &which).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Give it a new secret, shown once; the old one signs beside it for 24 hours.
#[utoipa::path(tag = "webhooks", params(Once, ("webhook" = String, Path, description = "Id or name")), responses((status = 200, body = WebhookSecretView), (status = 404, body = Problem), (status = 409, body = Problem), (status = 422, body = Problem)))]
#[post("/webhooks/{webhook}/rotate-secret")]
async fn rotate_webhook_secret(
    by: May<WebhooksWrite>,
    app: Data<Services>,
    once: Once,
    webhook: Path<String>,
) -> Result<HttpResponse> {
    let which = Named::from(webhook.as_str());
    once.done::<_, WebhookSecretView>(&app, async |keep| {
        app.webhooks.rotate_secret(&by.name, &which, keep).await
    })
    .await
}

/// Call it now with an event of the kind `webhook.test`, once, and say how it went.
#[utoipa::path(tag = "webhooks", params(("webhook" = String, Path, description = "Id or name")), responses((status = 200, body = DeliveryTestView), (status = 404, body = Problem)))]
#[post("/webhooks/{webhook}/test")]
async fn test_webhook(
    by: May<WebhooksWrite>,
    app: Data<Services>,
    webhook: Path<String>,
) -> Result<HttpResponse> {
    let which = Named::from(webhook.as_str());
    let (delivery, attempt) = app.webhooks.test(&by.name, &which).await?;
    Ok(HttpResponse::Ok().json(DeliveryTestView {
        delivered: attempt.succeeded(),
        delivery: delivery.into(),
    }))
}

/// List what it was told, newest first.
#[utoipa::path(tag = "webhooks", params(("webhook" = String, Path, description = "Id or name"), ListDeliveries), responses((status = 200, body = Page<DeliveryView>), (status = 404, body = Problem), (status = 422, body = Problem)))]
#[get("/webhooks/{webhook}/deliveries")]
async fn list_deliveries(
    _may: May<WebhooksRead>,
    app: Data<Services>,
    webhook: Path<String>,
    query: Params<ListDeliveries>,
) -> Result<HttpResponse> {
    let limit = page::limit(query.0.limit)?;
    let before = page::cursor(query.0.cursor.as_deref())?;
    let which = Named::from(webhook.as_str());
    let state = query.0.state;
    let rows = app
        .webhooks
        .deliveries(&which, state, before, limit + 1)
        .await?;
    let page = Page::new(rows, limit, |row| row.sequence, DeliveryView::from);
    Ok(HttpResponse::Ok().json(page))
}

/// Put a delivery back into the queue, with the same id and body.
#[utoipa::path(tag = "webhooks", params(("webhook" = String, Path, description = "Id or name"), ("delivery" = Uuid, Path)), responses((status = 202, body = DeliveryView), (status = 404, body = Problem), (status = 409, body = Problem)))]
#[post("/webhooks/{webhook}/deliveries/{delivery}/resend")]
async fn resend_delivery(
    by: May<WebhooksWrite>,
    app: Data<Services>,
    path: Path<(String, Uuid)>,
) -> Result<HttpResponse> {
    let (webhook, delivery) = path.into_inner();
    let which = Named::from(webhook.as_str());
    let delivery = app.webhooks.resend(&by.name, &which, delivery).await?;
    Ok(HttpResponse::Accepted().json(DeliveryView::from(delivery)))
}
