//! Sums, series and what is seen at a glance.
use super::with_usage;
use crate::support::{api::Api, house::House, redis::RedisServer};
use hywarden::cache::keys::{Key, Summary};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn sums_and_series_agree_with_what_was_counted() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    with_usage(&house, &api).await;
    let one = (0..3_000).map(|h| 110 * h + 3).sum::<i64>();
    for path in ["/traffic/summary", "/admin/traffic"] {
        let sum = api.get(path).await.is(200);
        assert_eq!(sum["total"], one * 2, "{sum}");
        assert_eq!(
            (
                sum["users"].as_array().unwrap().len(),
                &sum["nodes"][0]["total"]
            ),
            (2, &json!(one * 2))
        );
    }
    let series = api.get("/stats/traffic?points=3").await.is(200);
    let points = series["points"].as_array().unwrap();
    assert_eq!(
        points
            .iter()
            .map(|p| p["tx"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        [42, 22, 2]
    );
    let days = api
        .get("/stats/traffic?step=day&points=200&user=%3Dcmd()")
        .await
        .is(200);
    let total: i64 = days["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["tx"].as_i64().unwrap() + p["rx"].as_i64().unwrap())
        .sum();
    assert_eq!(total, one);
    api.get("/stats/traffic?points=1001")
        .await
        .wrong(&["points"]);
    api.get("/stats/traffic?user=nobody")
        .await
        .refused(404, "not_found");
    api.get("/traffic/summary?from=2030-01-01T00:00:00Z&to=2029-01-01T00:00:00Z")
        .await
        .wrong(&["to"]);
    let shown = api.get("/admin/dashboard").await.is(200);
    assert_eq!(
        (&shown["devices"], &shown["nodes"], &shown["maintenance"]),
        (&json!(2), &json!(1), &json!(false))
    );
    assert_eq!(
        shown["users"][0]["users"].as_i64().unwrap()
            + shown["users"]
                .as_array()
                .unwrap()
                .iter()
                .skip(1)
                .map(|s| s["users"].as_i64().unwrap())
                .sum::<i64>(),
        2
    );
    assert!(shown["month"]["total"].as_i64().unwrap() > shown["week"]["total"].as_i64().unwrap());
    let report = api.get("/admin/users").await.is(200);
    assert_eq!(report["most_used"].as_array().unwrap().len(), 2);
    assert_eq!(report["expiring"].as_array().unwrap().len(), 2);
    let system = api.get("/stats/system").await.is(200);
    assert!(
        system["memory_bytes"].as_i64().unwrap() > 1 << 20
            && system["database_bytes"].as_i64().unwrap() > 1 << 20
    );
    assert_eq!(api.get("/stats/online").await.is(200)["users"], 0);
    let jobs = api.get("/admin/jobs").await.is(200);
    assert_eq!(jobs["items"].as_array().unwrap().len(), 4);
}

/// Summaries are held in Redis for two seconds, and are right without it.
#[tokio::test(flavor = "multi_thread")]
async fn summaries_are_held_for_a_moment_and_right_without_redis() {
    let mut redis = RedisServer::start().await;
    let url = redis.url();
    let house = House::start(&[("redis.url", url.as_str())]).await;
    let api = Api::local(&house);
    let counted = async || {
        let shown = api.get("/admin/dashboard").await.is(200);
        let all = shown["users"].as_array().unwrap().iter();
        all.map(|s| s["users"].as_i64().unwrap()).sum::<i64>()
    };
    assert_eq!(Summary::TTL, Some(Duration::from_secs(2)));
    let cache = house.services().reports.cache.clone().unwrap();
    let held = Summary("dashboard");
    cache.put(&held, &"no summary".to_owned()).await.unwrap();
    assert_eq!(counted().await, 0, "what cannot be read is made anew");
    // held: what others made is what is shown
    let text = cache.get(&held).await.unwrap().unwrap();
    let other = text.replacen("\"devices\":0", "\"devices\":7", 1);
    cache.put(&held, &other).await.unwrap();
    assert_eq!(api.get("/admin/dashboard").await.is(200)["devices"], 7);
    cache.delete(&held).await.unwrap();
    api.post("/users", json!({"name": "bob"})).await.is(201);
    assert_eq!(counted().await, 1);
    redis.kill();
    api.post("/users", json!({"name": "eve"})).await.is(201);
    assert_eq!(counted().await, 2);
    let report = api.get("/admin/users").await.is(200);
    let mut all = report["by_status"].as_array().unwrap().iter();
    let active = all.find(|s| s["status"] == "active").unwrap();
    assert_eq!(active["users"], 2);
}
