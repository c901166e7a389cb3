//! The live channel over HTTP: a ticket, a socket, an event stream.
mod socket;
mod stream;

use super::{principal::Anyone, problem::Problem};
use crate::{
    error::Result,
    services::{Services, live},
};
use actix_web::{HttpResponse, post, web::Data};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

/// The routes.
pub fn routes(cfg: &mut ServiceConfig<'_>) {
    cfg.service(create_ticket)
        .service(socket::open_socket)
        .service(stream::open_stream);
}

/// The socket's own protocol; the ticket stands beside it.
const PROTOCOL: &str = "hywarden.v1";

/// A ticket.
#[derive(Serialize, ToSchema)]
pub struct TicketView {
    /// Goes into `Sec-WebSocket-Protocol` as `ticket.<this>`, beside `hywarden.v1`. Good once.
    pub ticket: String,
    /// Seconds.
    pub expires_in: u64,
    /// The protocol to ask for.
    pub protocol: &'static str,
}

/// A ticket for the socket: good once, for 30 seconds.
#[utoipa::path(tag = "live", responses((status = 201, body = TicketView), (status = 403, body = Problem)))]
#[post("/ws-ticket")]
async fn create_ticket(by: Anyone, app: Data<Services>) -> Result<HttpResponse> {
    let ticket = app.live.ticket(&by.0).await?;
    Ok(HttpResponse::Created()
        .insert_header(("cache-control", "no-store"))
        .json(TicketView {
            ticket: ticket.expose_secret().to_owned(),
            expires_in: live::LIFETIME.as_secs(),
            protocol: PROTOCOL,
        }))
}
