//! A node's server configuration: written down, compared, gone back to, checked; drains that end in nothing.
use crate::support::{api::Api, house::House};
use fake_node::{Ask, FakeNode};
use serde_json::{Value, json};
use std::time::Duration;

async fn added(api: &Api, stats: &FakeNode) -> Value {
    let body = json!({"name": "fra1", "address": "a.test:443", "stats_url": stats.url(), "stats_secret": stats.secret(),
                      "obfs": "salamander", "obfs_password": "first-pass"});
    api.post("/nodes", body).await.is(201)
}

/// K1, K2: versions hold secrets sealed, and a comparison says only that they differ.
#[tokio::test(flavor = "multi_thread")]
async fn versions_are_compared_and_gone_back_to() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let stats = FakeNode::start("stats-secret-1");
    added(&api, &stats).await;
    let second =
        json!({"address": "b.test:8443", "obfs_password": "second-pass", "line_rate": 12_500_000});
    api.patch("/nodes/fra1", second).await.is(200);
    api.patch(
        "/nodes/fra1",
        json!({"gaming": true, "line_rate": 12_500_000}),
    )
    .await
    .is(200);
    let third = json!({"obfs": null, "own_addresses": ["192.0.2.7"]});
    let edited = api.patch("/nodes/fra1", third).await.is(200);
    assert_eq!(
        edited["config_version"], 3,
        "a label makes no other configuration"
    );
    let versions = api.all("/nodes/fra1/config/versions", 2).await;
    let listed: Vec<(i64, &str, bool)> = versions
        .iter()
        .map(|v| {
            let version = v["version"].as_i64().unwrap();
            (
                version,
                v["reason"].as_str().unwrap(),
                v["present"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        listed,
        [
            (3, "update", true),
            (2, "update", false),
            (1, "create", false)
        ]
    );

    let diff = async |from: i64, to: i64| {
        let answer = api
            .get(&format!("/nodes/fra1/config/diff?from={from}&to={to}"))
            .await;
        for secret in ["stats-secret-1", "first-pass", "second-pass"] {
            assert!(!answer.text.contains(secret), "{}", answer.text);
        }
        let items = answer.is(200)["items"].as_array().unwrap().clone();
        let paths = |v: &Value| v["path"].as_str().unwrap().to_owned();
        let mut all: Vec<String> = items.iter().map(paths).collect();
        all.sort();
        (all, items)
    };
    let (paths, items) = diff(1, 2).await;
    assert_eq!(
        paths,
        [
            "/bandwidth/down",
            "/bandwidth/up",
            "/listen",
            "/obfs/password"
        ]
    );
    let listen = items.iter().find(|i| i["path"] == "/listen").unwrap();
    assert_eq!(
        (&listen["from"], &listen["to"]),
        (&json!(":443"), &json!(":8443"))
    );
    assert_eq!(diff(2, 3).await.0, ["/acl/inline", "/obfs"]);
    assert!(diff(2, 2).await.0.is_empty());
    api.get("/nodes/fra1/config/diff?from=1&to=9")
        .await
        .refused(404, "not_found");
    api.get("/nodes/fra1/config/diff?from=1")
        .await
        .wrong(&["to"]);

    let hook = api
        .post("/nodes/fra1/rotate-secret", json!({}))
        .await
        .is(200)["hook_url"]
        .clone();
    let back = api
        .post("/nodes/fra1/rollback", json!({"version": 1}))
        .await
        .is(200);
    assert_eq!(
        (
            &back["address"],
            &back["obfs"],
            &back["line_rate"],
            &back["config_version"]
        ),
        (
            &json!("a.test:443"),
            &json!("salamander"),
            &Value::Null,
            &json!(4)
        )
    );
    assert_eq!(
        (&back["gaming"], &back["own_addresses"]),
        (&json!(true), &json!([]))
    );
    let config = api.get("/nodes/fra1/config").await.is(200);
    assert_eq!(
        config["server_config"]["obfs"]["salamander"]["password"],
        "first-pass"
    );
    assert_eq!(
        config["hook_url"], hook,
        "a rotated-out secret never comes back"
    );
    assert!(diff(1, 4).await.0.is_empty());
    let reason = &api.all("/nodes/fra1/config/versions", 1).await[0]["reason"];
    assert_eq!(reason, "rollback 1");
    api.post("/nodes/fra1/rollback", json!({"version": 99}))
        .await
        .refused(404, "not_found");
    let dump = super::secrets::dump(&house.test.url);
    for secret in ["stats-secret-1", "first-pass", "second-pass"] {
        assert!(!dump.contains(secret), "{secret}");
    }
}

/// Going back is checked like any change: a server that belongs to another node by now stays with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_breaks_no_rule() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let (one, two) = (FakeNode::start("s"), FakeNode::start("s"));
    added(&api, &one).await;
    api.patch("/nodes/fra1", json!({"stats_url": two.url()}))
        .await
        .is(200);
    let other =
        json!({"name": "fra2", "address": "c.test:1", "stats_url": one.url(), "stats_secret": "s"});
    api.post("/nodes", other).await.is(201);
    api.post("/nodes/fra1/rollback", json!({"version": 1}))
        .await
        .refused(409, "duplicate");
    let kept = api.get("/nodes/fra1").await.is(200);
    assert_eq!(
        (&kept["config_version"], &kept["stats_url"]),
        (&json!(2), &json!(two.url()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_checked_against_ours() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let made = added(&api, &FakeNode::start("s")).await;
    let path = "/nodes/fra1/config/validate";
    for text in [
        made["server_config_yaml"].as_str().unwrap().to_owned(),
        made["server_config"].to_string(),
    ] {
        let found = api.post(path, json!({"config": text})).await.is(200);
        assert_eq!(
            (&found["valid"], &found["items"]),
            (&json!(true), &json!([])),
            "{text}"
        );
    }
    let mut broken = made["server_config"].clone();
    broken["auth"] = json!({"type": "password", "password": "x"});
    broken["sniff"]["enable"] = json!(true);
    broken["acl"]["inline"] = json!(["main(all)"]);
    let body = json!({"config": broken.to_string()});
    let found = api.post(path, body).await.is(200);
    assert_eq!(found["valid"], false);
    let paths: Vec<&str> = found["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        [
            "/auth/type",
            "/auth/http/url",
            "/sniff/enable",
            "/acl/inline"
        ]
    );
    assert!(
        !found
            .to_string()
            .contains(made["hook_url"].as_str().unwrap())
    );
    for (body, field) in [
        (json!({}), "config"),
        (json!({"config": "a: b: c"}), "config"),
        (json!({"config": "just words"}), "config"),
        (json!({"config": "", "node": 1}), "node"),
    ] {
        api.post(path, body).await.wrong(&[field]);
    }
}

/// I2: a configuration that says more than memory holds is refused before it is held; one that is silent about a switch
/// has it off.
#[tokio::test(flavor = "multi_thread")]
async fn i2_a_configuration_costs_what_its_bytes_cost() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let made = added(&api, &FakeNode::start("s")).await;
    let path = "/nodes/fra1/config/validate";
    let zeros = vec!["0"; 12_000].join(",");
    let aliases = vec!["*a"; 12_000].join(",");
    let long = "x".repeat(25_000);
    for bomb in [
        format!("a: &a [{zeros}]\nb: [{aliases}]\n"),
        format!("a: &a {long}\nb: [{aliases}]\n"),
        "[".repeat(60_000),
    ] {
        let before = peak();
        api.post(path, json!({"config": bomb}))
            .await
            .wrong(&["config"]);
        let grown = peak() - before;
        assert!(grown < 300 << 10, "{grown} KiB more");
    }
    let mut silent = made["server_config"].clone();
    silent.as_object_mut().unwrap().remove("sniff");
    let http = silent["auth"]["http"].as_object_mut().unwrap();
    http.remove("insecure");
    let body = json!({"config": silent.to_string()});
    let found = api.post(path, body).await.is(200);
    assert_eq!(found["items"], json!([]), "{found}");
}

/// The most memory that this process ever held, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let number = line.unwrap().split_whitespace().nth(1);
    number.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_stays_until_it_is_enabled() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let stats = FakeNode::start("s");
    added(&api, &stats).await;
    let drained = api.post("/nodes/fra1/drain", json!({})).await.is(200);
    assert_eq!(
        (&drained["state"], &drained["enabled"], &drained["removing"]),
        (&json!("draining"), &json!(false), &json!(false))
    );
    // asked and found empty, and asked again
    assert!(stats.wait_for(Ask::Online, 2, Duration::from_mins(1)));
    assert_eq!(api.get("/nodes/fra1").await.is(200)["state"], "draining");
    api.patch("/nodes/fra1/flags", json!({"enabled": true}))
        .await
        .refused(409, "state");
    let enabled = api.post("/nodes/fra1/enable", json!({})).await.is(200);
    assert_eq!(enabled["enabled"], true);
    let test = api.post("/nodes/fra1/test", json!({})).await.is(200);
    assert_eq!(test["ok"], true);
    assert!(test.get("clock_ahead").is_some() && test.get("secret_used_at").is_some());
    let health = api.get("/nodes/fra1/health").await.is(200);
    assert_eq!(
        (&health["healthy"], &health["state"]),
        (&json!(true), &json!("ok")),
        "{health}"
    );
    assert!(health["read_age"].as_i64().unwrap() < 60);
}
