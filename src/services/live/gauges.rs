//! States, told each second to those who follow them, and only when they changed.
use super::Live;
use crate::{
    error::Result,
    models::NodeNo,
    repositories::{live, reports},
};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc, time::Instant};
use uuid::Uuid;

/// What was told last.
#[derive(Debug, Default)]
pub struct Told {
    values: HashMap<Arc<str>, String>,
    /// When bytes were last looked at, and how many there were of each node.
    bytes: Option<(Instant, HashMap<NodeNo, [u64; 2]>)>,
}

/// Bytes a second, up and down.
type Rates = HashMap<NodeNo, [u64; 2]>;

impl Live {
    /// One second's states.
    pub async fn tell_gauges(&self, told: &mut Told) -> Result<()> {
        let fresh = self.hub.take_fresh();
        told.values.retain(|topic, _| !fresh.contains(topic));
        let rates = self.rates(told);
        if !self.hub.followed("overview").is_empty() {
            self.tell(told, "overview", "overview", &self.overview(&rates));
        }
        let online: HashMap<NodeNo, usize> = self.leases.devices_by_node().into_iter().collect();
        if !self.hub.followed("nodes").is_empty() {
            self.nodes(told, &online);
        }
        let (users, devices) = (self.ids("user:"), self.ids("device:"));
        let (nodes, jobs) = (self.ids("node:"), !self.hub.followed("jobs").is_empty());
        if users.is_empty() && devices.is_empty() && nodes.is_empty() && !jobs {
            return Ok(());
        }
        let mut conn = self.store.conn().await?;
        for node in live::nodes(&mut conn, &nodes).await? {
            let devices = online.get(&node.number).copied().unwrap_or_default();
            let [tx_rate, rx_rate] = rates.get(&node.number).copied().unwrap_or_default();
            let data = json!({
                "node_id": node.id, "devices": devices, "tx_rate": tx_rate, "rx_rate": rx_rate, "readable": node.readable,
            });
            self.tell(told, &format!("node:{}", node.id), "node", &data);
        }
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

    /// How fast bytes move through each node, since this was last asked.
    fn rates(&self, told: &mut Told) -> Rates {
        let now = Instant::now();
        let counted = self.directory.nodes().into_iter().map(|node| {
            let of = |way| {
                let all = &self.metrics.traffic_bytes;
                all.with_label_values(&[&*node.name, way]).get()
            };
            (node.number, [of("tx"), of("rx")])
        });
        let counted: HashMap<NodeNo, [u64; 2]> = counted.collect();
        let Some((at, before)) = told.bytes.replace((now, counted.clone())) else {
            return Rates::default();
        };
        let millis = (now - at).as_millis();
        let rate = |before: u64, after: u64| {
            let moved = u128::from(after.saturating_sub(before)) * 1_000;
            u64::try_from(moved / millis.max(1)).unwrap_or(u64::MAX)
        };
        let rates = counted.into_iter().filter_map(|(node, [tx, rx])| {
            // of a node that was not there a second ago nothing can be said
            let [old_tx, old_rx] = before.get(&node).copied()?;
            Some((node, [rate(old_tx, tx), rate(old_rx, rx)]))
        });
        rates.collect()
    }

    fn overview(&self, rates: &Rates) -> Value {
        let sum = |way: fn(&[u64; 2]) -> u64| rates.values().map(way).fold(0, u64::saturating_add);
        let online = self.leases.online();
        json!({
            "users": online.users, "devices": online.devices, "connections": online.connections,
            "tx_rate": sum(|[tx, _]| *tx), "rx_rate": sum(|[_, rx]| *rx),
        })
    }

    fn nodes(&self, told: &mut Told, online: &HashMap<NodeNo, usize>) {
        let mut all = Vec::new();
        for (number, devices) in online {
            if let Some(node) = self.directory.node(*number) {
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
