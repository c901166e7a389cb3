//! What one instance tells the others.
use crate::support::{house::House, redis::RedisServer};
use chrono::Utc;
use futures_util::{StreamExt, pin_mut};
use hywarden::{cache::Cache, models::Severity, services::events::News};
use serde_json::{Value, json};
use std::time::Duration;

fn news(number: i64) -> News {
    News {
        number,
        kind: "test".to_owned(),
        severity: Severity::Info,
        actor: "test".to_owned(),
        user_id: None,
        user: None,
        device_id: None,
        device: None,
        node_id: None,
        node: None,
        data: json!({}),
        at: Utc::now(),
    }
}

/// Batches are heard in the order in which they were told.
#[tokio::test(flavor = "multi_thread")]
async fn w2_other_instances_hear_in_order() {
    let redis = RedisServer::start().await;
    let url = redis.url();
    let house = House::start(&[("redis.url", url.as_str())]).await;
    let cache = Cache::open(&url, "hywarden:").unwrap();
    let heard = cache.listen("live-events").await.unwrap();
    pin_mut!(heard);
    let live = &house.services().live;
    // no event of the program's own has such a number
    let numbers = 1_000_000..1_000_050;
    for number in numbers.clone() {
        live.announce(vec![news(number), news(number + 1_000)]);
    }
    let mut told = Vec::new();
    while told.len() < 100 {
        let next = tokio::time::timeout(Duration::from_secs(20), heard.next());
        let text = next.await.expect("silence").unwrap();
        let event: Value = serde_json::from_str(&text).unwrap();
        if event["kind"] == "test" {
            told.push(event["number"].as_i64().unwrap());
        }
    }
    let expected: Vec<i64> = numbers.flat_map(|n| [n, n + 1_000]).collect();
    assert_eq!(told, expected);
}
