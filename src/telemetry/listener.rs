//! `/metrics` on an address of its own, loopback by default: who may scrape need not reach the API.
use super::Metrics;
use actix_web::{App, HttpResponse, HttpServer, dev::Server, web};
use anyhow::{Context, Result};
use std::{net::SocketAddr, sync::Arc};

/// Called before each scrape: fills the figures that are states and not counts.
pub type Refresh = Arc<dyn Fn(&Metrics) + Send + Sync>;

/// Listens; the server runs once it is awaited or spawned.
pub fn listen(at: SocketAddr, metrics: Metrics, refresh: Refresh) -> Result<(Server, SocketAddr)> {
    let server = HttpServer::new(move || {
        let (metrics, refresh) = (metrics.clone(), refresh.clone());
        let scrape = move || {
            let (metrics, refresh) = (metrics.clone(), refresh.clone());
            async move {
                refresh(&metrics);
                match metrics.render() {
                    Ok(text) => HttpResponse::Ok()
                        .content_type("text/plain; version=0.0.4; charset=utf-8")
                        .body(text),
                    Err(why) => {
                        tracing::error!(error = format!("{why:#}"), "metrics");
                        HttpResponse::InternalServerError().finish()
                    }
                }
            }
        };
        App::new().route("/metrics", web::get().to(scrape))
    })
    .workers(1)
    .disable_signals()
    .bind(at)
    .with_context(|| format!("cannot listen on {at} (metrics.listen)"))?;
    let bound = server.addrs().first().copied().unwrap_or(at);
    Ok((server.run(), bound))
}
