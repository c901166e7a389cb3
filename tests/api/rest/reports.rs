//! Reports, exports, switches, configuration, logs.
use super::secrets::listen_to_logs;
use crate::support::{api::Api, house::House, redis::RedisServer, until};
use hywarden::cache::keys::{Key, Summary};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::time::Duration;

/// Usage of two users at one node, hour by hour.
async fn with_usage(house: &House, api: &Api) {
    house.node("n1", 1).await;
    for name in ["=cmd()", "bob, \"the\" 2nd"] {
        api.post("/users", json!({"name": name})).await.is(201);
        let path = format!(
            "/users/{}/devices",
            url::form_urlencoded::byte_serialize(name.as_bytes())
                .collect::<String>()
                .replace('+', "%20")
        );
        api.post(&path, json!({"name": "-phone"})).await.is(201);
    }
    house
        .test
        .execute(
            "INSERT INTO usage_hourly SELECT d.user_no, d.number, n.number, date_trunc('hour', now()) - h * interval '1 hour', 10 * h + 1, 100 * h + 2
             FROM devices d, nodes n, generate_series(0, 2999) h;
             INSERT INTO usage_daily SELECT user_no, device_no, node_no, (hour AT TIME ZONE 'UTC')::date, sum(tx), sum(rx) FROM usage_hourly GROUP BY 1, 2, 3, 4;
             INSERT INTO usage_totals SELECT user_no, device_no, node_no, sum(tx), sum(rx) FROM usage_hourly GROUP BY 1, 2, 3;
             UPDATE users u SET used_total = (SELECT sum(tx + rx) FROM usage_totals t WHERE t.user_no = u.number), quota = 1 << 30, expires_at = now() + interval '1 day'",
        )
        .await;
}

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

/// What each loop of the instance did last, and what went wrong.
#[tokio::test(flavor = "multi_thread")]
async fn loops_say_how_they_go() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let names = [
        "audit",
        "census",
        "grace",
        "keys",
        "lapses",
        "live",
        "outbox",
        "partitions",
        "poller",
        "refusals",
        "retention",
        "sums",
        "switches",
        "webhooks",
        "windows",
    ];
    let of = async |name: &str| {
        let jobs = api.get("/admin/jobs").await.is(200);
        let mut loops = jobs["loops"].as_array().unwrap().iter();
        loops
            .find(|l| l["name"] == name)
            .cloned()
            .unwrap_or_default()
    };
    for name in names {
        until(async || of(name).await["runs"].as_u64().is_some_and(|runs| runs > 0)).await;
        let one = of(name).await;
        assert!(
            one["last_at"].is_string() && one["late"].is_number(),
            "{one}"
        );
        assert_eq!(
            (&one["failures"], &one["last_error"]),
            (&json!(0), &json!(null)),
            "{name}"
        );
    }
    house
        .test
        .execute("ALTER TABLE settings RENAME TO away")
        .await;
    until(async || of("switches").await["failures"].as_u64() > Some(0)).await;
    house
        .test
        .execute("ALTER TABLE away RENAME TO settings")
        .await;
    let failed = of("switches").await;
    assert!(
        failed["failed_at"].is_string() && failed["last_error"].is_string(),
        "{failed}"
    );
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

/// C7: an export is complete, in both forms, and no name becomes a formula.
#[tokio::test(flavor = "multi_thread")]
async fn c7_exports_are_whole_and_hold_no_formula() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    with_usage(&house, &api).await;
    let csv = api.get("/traffic/export").await;
    assert_eq!(csv.status, 200);
    let lines: Vec<&str> = csv.text.split("\r\n").filter(|l| !l.is_empty()).collect();
    assert_eq!(
        lines[0],
        "at,user_id,user,device_id,device,node_id,node,tx,rx"
    );
    assert_eq!(lines.len(), 6_001, "several parts, no row lost, none twice");
    let mut sorted = lines.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), 6_001);
    assert!(
        lines[1].contains(",\"'=cmd()\",") && lines[1].contains(",\"'-phone\","),
        "{}",
        lines[1]
    );
    assert!(csv.text.contains(",\"bob, \"\"the\"\" 2nd\","));
    let ndjson = api
        .get("/traffic/export?format=ndjson&step=day&user=%3Dcmd()")
        .await;
    let rows: Vec<Value> = ndjson
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!((125..=127).contains(&rows.len()), "{}", rows.len());
    let total: i64 = rows
        .iter()
        .map(|r| r["tx"].as_i64().unwrap() + r["rx"].as_i64().unwrap())
        .sum();
    assert_eq!(total, (0..3_000).map(|h| 110 * h + 3).sum::<i64>());
    assert_eq!(
        (&rows[0]["user"], &rows[0]["device"], &rows[0]["node"]),
        (&json!("=cmd()"), &json!("-phone"), &json!("n1"))
    );
    let none = api
        .get("/traffic/export?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z")
        .await;
    assert_eq!(
        none.text,
        "at,user_id,user,device_id,device,node_id,node,tx,rx\r\n"
    );
    api.get("/traffic/export?format=xml")
        .await
        .wrong(&["format"]);
    api.get("/traffic/export?node=nowhere")
        .await
        .refused(404, "not_found");
    let erased =
        "DELETE FROM usage_hourly; INSERT INTO usage_hourly VALUES (999, 999, 999, now(), 1, 2)";
    house.test.execute(erased).await;
    let orphan = api.get("/traffic/export?format=ndjson").await;
    let orphan: Value = serde_json::from_str(&orphan.text).unwrap();
    assert_eq!(
        (&orphan["user"], &orphan["tx"]),
        (&json!(null), &json!(1)),
        "what outlived its names"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn maintenance_refuses_changes_and_the_hook_goes_on() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let node = house.node("n1", 1).await;
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let device = api
        .post("/users/bob/devices", json!({"name": "d"}))
        .await
        .is(201);
    let on = api
        .post(
            "/admin/maintenance",
            json!({"enabled": true, "banner": "back at noon"}),
        )
        .await
        .is(200);
    assert_eq!(
        (&on["enabled"], &on["banner"]),
        (&json!(true), &json!("back at noon"))
    );
    assert!(on["by"].as_str().unwrap().starts_with("cli:"));
    for (method, path) in [
        (Method::POST, "/users"),
        (Method::PATCH, "/users/bob"),
        (Method::DELETE, "/users/bob"),
        (Method::PUT, "/groups/default/users/bob"),
    ] {
        api.send(method, path, Some(json!({"name": "eve"})))
            .await
            .refused(503, "maintenance");
    }
    api.get("/users/bob").await.is(200);
    let login = reqwest::Client::new()
        .post(node.config.hook_url.expose_secret())
        .json(&json!({"addr": "192.0.2.1:1", "auth": device["secret"], "tx": 0}));
    let login: Value = login.send().await.unwrap().json().await.unwrap();
    assert_eq!(login["ok"], true);
    api.post("/admin/maintenance", json!({"enabled": "yes"}))
        .await
        .wrong(&["enabled"]);
    api.post(
        "/admin/maintenance",
        json!({"enabled": false, "banner": null}),
    )
    .await
    .is(200);
    assert_eq!(
        api.get("/admin/maintenance").await.is(200)["since"],
        json!(null)
    );
    api.patch("/users/bob", json!({"note": "x"})).await.is(200);

    // logins too, by a switch of its own, in force at once
    let edited = api
        .patch(
            "/admin/settings",
            json!({"deny_logins": true, "banner": "x"}),
        )
        .await
        .is(200);
    assert_eq!(
        (&edited["deny_logins"], &edited["maintenance"]),
        (&json!(true), &json!(false))
    );
    let login = reqwest::Client::new()
        .post(node.config.hook_url.expose_secret())
        .json(&json!({"addr": "192.0.2.1:1", "auth": device["secret"], "tx": 0}));
    let login: Value = login.send().await.unwrap().json().await.unwrap();
    assert_eq!(login["ok"], false);
    api.patch(
        "/admin/settings",
        json!({"log_level": "loud", "banner": ""}),
    )
    .await
    .wrong(&["banner", "log_level"]);
    api.patch("/admin/settings", json!({"quota": 1}))
        .await
        .wrong(&["quota"]);
    let audit = api.get("/audit?action=maintenance.").await.is(200);
    assert_eq!(audit["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_shown_without_secrets_and_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    std::fs::write(&file, "[log]\nlevel = \"info\"\n").unwrap();
    let house = House::with_file(&file, &[]).await;
    let api = Api::local(&house);
    let shown = api.get("/config").await.is(200);
    assert_eq!(
        (&shown["log"]["level"], &shown["database"]["url"]),
        (&json!("info"), &json!("<redacted>"))
    );
    let look = async || api.get("/config/validate").await.is(200);
    assert_eq!(
        look().await,
        json!({"valid": true, "error": null, "reloadable": [], "needs_restart": []})
    );
    std::fs::write(
        &file,
        "[log]\nlevel = \"debug\"\n[maintenance]\ndeny_logins = true\n[hook]\nguess_burst = 31\n",
    )
    .unwrap();
    let seen = json!({"valid": true, "error": null, "reloadable": ["log.level", "maintenance.deny_logins"], "needs_restart": ["hook.guess_burst"]});
    assert_eq!(look().await, seen);
    assert_eq!(api.post("/config/reload", json!({})).await.is(200), seen);
    let after = look().await;
    assert_eq!(
        (&after["reloadable"], &after["needs_restart"]),
        (&json!([]), &json!(["hook.guess_burst"]))
    );
    assert!(
        house
            .parts()
            .memory
            .maintenance
            .load(std::sync::atomic::Ordering::SeqCst)
    );
    std::fs::write(&file, "[log]\nlevle = \"debug\"\n").unwrap();
    let broken = look().await;
    assert_eq!(broken["valid"], false);
    assert!(
        broken["error"].as_str().unwrap().contains("levle"),
        "{broken}"
    );
    assert_eq!(
        api.post("/config/reload", json!({})).await.is(200)["valid"],
        false
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_found_by_request_and_level() {
    listen_to_logs();
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let answer = api
        .request(Method::GET, "/users/nobody-of-this-name")
        .send()
        .await
        .unwrap();
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let lines = api.all(&format!("/admin/logs?request_id={id}"), 1).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0]["line"];
    assert_eq!(
        (&line["status"], &line["route"], &line["level"]),
        (&json!(404), &json!("/api/v1/users/{user}"), &json!("info"))
    );
    assert!(
        !line.to_string().contains("nobody-of-this-name"),
        "the pattern, never the path"
    );
    assert_eq!(
        api.all(&format!("/logs/access?request_id={id}"), 10)
            .await
            .len(),
        1
    );
    assert_eq!(
        api.all(&format!("/logs/error?request_id={id}"), 10)
            .await
            .len(),
        0
    );
    assert_eq!(
        api.all(&format!("/admin/logs?request_id={id}&level=warn"), 10)
            .await
            .len(),
        0
    );
    assert_eq!(
        api.all(
            &format!("/admin/logs?request_id={id}&target=hywarden::api"),
            10
        )
        .await
        .len(),
        1
    );
    assert_eq!(
        api.all(
            &format!("/admin/logs?request_id={id}&target=hywarden::events"),
            10
        )
        .await
        .len(),
        0
    );
    api.get("/admin/logs?level=loud").await.wrong(&["level"]);
    api.get("/admin/logs?request_id=x")
        .await
        .wrong(&["request_id"]);
    tokio::time::timeout(Duration::from_secs(5), async {
        for path in ["/logs/events", "/admin/events", "/admin/quarantine"] {
            api.get(path).await.is(200);
        }
    })
    .await
    .unwrap();
}
