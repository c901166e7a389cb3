//! States, told each second to those who follow them, and only when they changed.
use super::Live;
use crate::{
    error::Result,
    repositories::{live, reports},
};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc, time::Instant};
use uuid::Uuid;

/// What was told last.
#[derive(Debug, Default)]
pub struct Told {
    values: HashMap<Arc<str>, String>,
    bytes: Option<(Instant, u64, u64)>,
}

impl Live {
    /// One second's states.
    pub async fn tell_gauges(&self, told: &mut Told) -> Result<()> {
        let fresh = self.hub.take_fresh();
        told.values.retain(|topic, _| !fresh.contains(topic));
        let overview = self.overview(told);
        if !self.hub.followed("overview").is_empty() {
            self.tell(told, "overview", "overview", &overview);
        }
        if !self.hub.followed("node").is_empty() {
            self.nodes(told);
        }
        let (users, devices) = (self.ids("user:"), self.ids("device:"));
        let jobs = !self.hub.followed("jobs").is_empty();
        if users.is_empty() && devices.is_empty() && !jobs {
            return Ok(());
        }
        let mut conn = self.store.conn().await?;
        for user in live::used(&mut conn, &users).await? {
            let data = json!({ "user_id": user.id, "used": user.used, "used_total": user.used_total, "quota": user.quota });
            self.tell(told, &format!("user:{}", user.id), "usage", &data);
        }
        for device in live::open(&mut conn, &devices).await? {
            let data = json!({ "device_id": device.id, "connections": device.connections });
            self.tell(told, &format!("device:{}", device.id), "online", &data);
        }
        if jobs {
            let waiting = reports::waiting(&mut conn).await?.into_iter();
            let waiting: HashMap<String, i64> = waiting.map(|job| (job.job, job.waiting)).collect();
            self.tell(told, "jobs", "jobs", &json!(waiting));
        }
        Ok(())
    }

    fn overview(&self, told: &mut Told) -> Value {
        let (mut tx, mut rx) = (0, 0);
        for node in self.directory.nodes() {
            let of = |way| {
                self.metrics
                    .traffic_bytes
                    .with_label_values(&[&*node.name, way])
            };
            tx += of("tx").get();
            rx += of("rx").get();
        }
        let now = Instant::now();
        let rate = |before: u64, after: u64, millis: u128| {
            let moved = u128::from(after.saturating_sub(before)) * 1_000;
            u64::try_from(moved / millis.max(1)).unwrap_or(u64::MAX)
        };
        let (tx_rate, rx_rate) = told.bytes.map_or((0, 0), |(at, old_tx, old_rx)| {
            let millis = (now - at).as_millis();
            (rate(old_tx, tx, millis), rate(old_rx, rx, millis))
        });
        told.bytes = Some((now, tx, rx));
        let online = self.leases.online();
        json!({
            "users": online.users, "devices": online.devices, "connections": online.connections,
            "tx_rate": tx_rate, "rx_rate": rx_rate,
        })
    }

    fn nodes(&self, told: &mut Told) {
        let mut all = Vec::new();
        for (number, devices) in self.leases.devices_by_node() {
            if let Some(node) = self.directory.node(number) {
                all.push(json!({ "node": &*node.name, "devices": devices }));
            }
        }
        all.sort_by_key(ToString::to_string);
        self.tell(told, "nodes", "online", &json!(all));
    }

    /// The ids of what is followed under names that begin so.
    fn ids(&self, start: &str) -> Vec<Uuid> {
        let topics = self.hub.followed(start);
        let ids = topics.iter().filter_map(|topic| topic.strip_prefix(start));
        ids.filter_map(|id| Uuid::try_parse(id).ok()).collect()
    }

    fn tell(&self, told: &mut Told, topic: &str, kind: &str, data: &Value) {
        let text = data.to_string();
        let key: Arc<str> = topic.into();
        if told.values.get(&key) != Some(&text) {
            self.hub.publish(topic, kind, data, true);
            told.values.insert(key, text);
        }
        // what nobody follows any more is told anew to whoever comes next
        if told.values.len() > 10_000 {
            told.values.clear();
        }
    }
}
