//! States that are read at each scrape instead of being counted as they change.
use super::Parts;
use crate::{
    admission::directory::NodeState,
    telemetry::{Metrics, listener::Refresh},
    tls::Certificate,
};
use chrono::DateTime;
use std::sync::{Arc, atomic::Ordering::Relaxed};

/// Fills the gauges.
pub fn refresh(parts: &Parts, certificate: Option<Arc<Certificate>>) -> Refresh {
    let parts = parts.clone();
    Arc::new(move |metrics| {
        hook(&parts, metrics);
        directory(&parts, metrics);
        nodes(&parts, metrics);
        online(&parts, metrics);
        pools(&parts, metrics);
        let restarts = parts.restarts.load(Relaxed);
        let counted = metrics.database_restarts.get();
        let news = restarts.saturating_sub(counted);
        metrics.database_restarts.inc_by(news);
        if let Some(end) = certificate.as_ref().and_then(|c| c.ends_at()) {
            let gauge = metrics.cert_expiry.with_label_values(&["server"]);
            gauge.set((end - DateTime::UNIX_EPOCH).as_seconds_f64());
        }
    })
}

/// A node counts its decisions itself, without a label on the hot path.
fn hook(parts: &Parts, metrics: &Metrics) {
    for node in parts.directory.nodes() {
        for (code, count) in node.decisions().filter(|(_, count)| *count > 0) {
            let counter = metrics
                .hook_requests
                .with_label_values(&[&*node.name, code.as_str()]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }
    let strangers = metrics
        .hook_requests
        .with_label_values(&["", "node_unknown"]);
    strangers.inc_by(
        parts
            .services
            .admission
            .strangers()
            .saturating_sub(strangers.get()),
    );
}

fn directory(parts: &Parts, metrics: &Metrics) {
    let (_, devices, _) = parts.directory.len();
    metrics
        .directory_devices
        .set(i64::try_from(devices).unwrap_or(i64::MAX));
    if let Some(read_at) = parts.services.directory.read_at() {
        let lag = (parts.clock.now() - read_at).to_std().unwrap_or_default();
        metrics.directory_lag.set(lag.as_secs_f64());
    }
}

fn nodes(parts: &Parts, metrics: &Metrics) {
    metrics.node_state.reset();
    for node in parts.directory.nodes() {
        let is_in = match node.state {
            NodeState::Draining => "draining",
            NodeState::Disabled => "disabled",
            NodeState::Open if node.stats_unreadable_since().is_some() => "unreadable",
            NodeState::Open => "ok",
        };
        for state in ["ok", "unreadable", "disabled", "draining"] {
            let gauge = metrics.node_state.with_label_values(&[&*node.name, state]);
            gauge.set(i64::from(state == is_in));
        }
    }
}

fn online(parts: &Parts, metrics: &Metrics) {
    metrics
        .users_online
        .set(i64::try_from(parts.leases.online().users).unwrap_or(i64::MAX));
    metrics.devices_online.reset();
    for (node, devices) in parts.leases.devices_by_node() {
        if let Some(node) = parts.directory.node(node) {
            let gauge = metrics.devices_online.with_label_values(&[&*node.name]);
            gauge.set(i64::try_from(devices).unwrap_or(i64::MAX));
        }
    }
    if let Some(up) = parts.leases.redis_up() {
        metrics.redis_up.set(i64::from(up));
    }
}

fn pools(parts: &Parts, metrics: &Metrics) {
    for (name, pool) in [("api", &parts.db), ("jobs", &parts.jobs_db)] {
        let now = pool.status();
        let states = [
            ("open", now.size),
            ("idle", now.available),
            ("waiting", now.waiting),
        ];
        for (state, number) in states {
            let gauge = metrics
                .db_pool_connections
                .with_label_values(&[name, state]);
            gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
        }
    }
}
