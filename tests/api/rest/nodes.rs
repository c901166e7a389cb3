use crate::support::{api::Api, house::House, until};
use fake_node::{Ask, FakeNode, Fault};
use serde_json::{Value, json};

fn node(name: &str, stats: &FakeNode) -> Value {
    json!({"name": name, "address": "n1.example.net:443,20000-30000", "stats_url": stats.url(),
           "stats_secret": stats.secret()})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_added_with_what_its_operator_needs() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let stats = FakeNode::start("s3cret");
    stats.connect("someone");
    let mut body = node("fra1", &stats);
    let more = json!({"obfs": "salamander", "obfs_password": "pässword", "pin_sha256": "AB:".repeat(32).trim_end_matches(':'),
                      "allow_targets": ["127.0.0.0/8", "10.0.0.7"], "own_addresses": ["203.0.113.5"],
                      "line_rate": 125_000_000, "require_stats": 600});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let made = api.post("/nodes", body).await.is(201);
    let hook = made["hook_url"].as_str().unwrap();
    let own = house.url().replace("http://", "");
    assert!(
        hook.starts_with("http://fra1:") && hook.ends_with(&format!("@{own}/hook/v1/fra1")),
        "{hook}"
    );
    let config = &made["server_config"];
    assert_eq!(config["auth"]["http"]["url"], hook);
    assert_eq!(config["trafficStats"]["secret"], "s3cret");
    assert_eq!(config["listen"], ":443,20000-30000");
    assert_eq!(config["obfs"]["salamander"]["password"], "pässword");
    let acl = config["acl"]["inline"].as_array().unwrap();
    assert_eq!(
        (&acl[0], &acl[1]),
        (&json!("main(127.0.0.0/8)"), &json!("main(10.0.0.7/32)"))
    );
    assert!(acl.contains(&json!("reject(203.0.113.5)")));
    assert!(
        made["server_config_yaml"]
            .as_str()
            .unwrap()
            .contains("listen: ")
    );
    for (field, value) in [
        ("ok", json!(true)),
        ("entries", json!(0)),
        ("online", json!(1)),
        ("error", Value::Null),
    ] {
        assert_eq!(made["test"][field], value, "{field}");
    }
    assert_eq!(made["warnings"], json!([]));
    for (field, value) in [
        ("state", json!("new")),
        ("enabled", json!(true)),
        ("pin_sha256", json!("ab".repeat(32))),
        ("generation", json!(1)),
        ("groups", json!(["default"])),
        ("line_rate", json!(125_000_000)),
        ("require_stats", json!(600)),
        ("own_addresses", json!(["203.0.113.5"])),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let shown = api.get("/nodes/fra1").await.is(200);
    for secret in ["hook_url", "server_config", "obfs_password", "stats_secret"] {
        assert!(shown.get(secret).is_none(), "{secret}");
    }
    let config = api.get("/nodes/fra1/config").await.is(200);
    assert_eq!(config["server_config"], made["server_config"]);
    assert_eq!(api.all("/nodes", 1).await.len(), 1);

    let edited = api
        .patch("/nodes/fra1", json!({"obfs": null, "pin_sha256": null, "address": "n2.example.net:8443", "line_rate": null}))
        .await
        .is(200);
    assert_eq!(
        (&edited["obfs"], &edited["line_rate"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(edited["address"], "n2.example.net:8443");
    api.patch("/nodes/fra1", json!({"name": "x"}))
        .await
        .wrong(&["name"]);
    let disabled = api.post("/nodes/fra1/disable", json!({})).await.is(200);
    assert_eq!(
        (&disabled["state"], &disabled["enabled"]),
        (&json!("disabled"), &json!(false))
    );
    let enabled = api.post("/nodes/fra1/enable", json!({})).await.is(200);
    assert_eq!(enabled["enabled"], true);

    let test = api.post("/nodes/fra1/test", json!({})).await.is(200);
    assert_eq!((&test["ok"], &test["online"]), (&json!(true), &json!(1)));
    stats.change_secret("other");
    let test = api.post("/nodes/fra1/test", json!({})).await.is(200);
    assert!(test["error"].as_str().unwrap().contains("401"));
    let fixed = json!({"stats_secret": "other"});
    api.patch("/nodes/fra1", fixed).await.is(200);
    let test = api.post("/nodes/fra1/test", json!({})).await.is(200);
    assert_eq!(test["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_run_yet_is_no_reason_not_to_add_it() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let stats = FakeNode::start("s");
    stats.fail_always(Ask::Root, Fault::Status(503));
    let made = api.post("/nodes", node("a", &stats)).await.is(201);
    assert_eq!(made["test"]["ok"], false);
    assert!(
        made["warnings"][0].as_str().unwrap().contains("503"),
        "{made}"
    );
    let without = json!({"name": "b", "address": "b.test:1", "stats_url": "http://127.0.0.1:9"});
    let made = api.post("/nodes", without).await.is(201);
    let secret = made["server_config"]["trafficStats"]["secret"]
        .as_str()
        .unwrap();
    assert_eq!(secret.len(), 32, "made here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_belongs_to_one_live_node() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let stats = FakeNode::start("s");
    api.post("/nodes", node("a", &stats)).await.is(201);
    api.post("/nodes", node("a", &FakeNode::start("s")))
        .await
        .refused(409, "duplicate");
    let second = api
        .post("/nodes", node("b", &stats))
        .await
        .refused(409, "duplicate");
    assert!(second["detail"].as_str().unwrap().contains("node a"));
    let other = FakeNode::start("s");
    api.post("/nodes", node("b", &other)).await.is(201);
    let moved = json!({"stats_url": format!("{}/", stats.url().to_uppercase())});
    api.patch("/nodes/b", moved).await.refused(409, "duplicate");
    let read =
        "INSERT INTO node_readings (node_no) SELECT number FROM nodes ON CONFLICT DO NOTHING";
    house.test.execute(read).await;
    assert_eq!(api.delete("/nodes/a?abandon=true").await.status, 204);
    // whoever reads it at this moment merges nothing more
    let closed =
        "DO $$BEGIN ASSERT EXISTS (SELECT FROM node_readings JOIN nodes ON number = node_no
        WHERE deleted_at IS NOT NULL AND generation = 3); END$$";
    house.test.execute(closed).await;
    api.get("/nodes/a").await.refused(404, "not_found");
    assert!(
        house.parts().directory.node_named("a").is_none(),
        "its hook is gone"
    );
    let moved = json!({"stats_url": stats.url()});
    api.patch("/nodes/b", moved).await.is(200);
    api.post("/nodes", node("a", &other)).await.is(201);
    let drained = api.delete("/nodes/a").await.is(202);
    assert_eq!(
        (&drained["state"], &drained["enabled"]),
        (&json!("draining"), &json!(false))
    );
    // its reader ends it once nobody is online
    until(async || house.parts().directory.node_named("a").is_none()).await;
    api.get("/nodes/a").await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_nodes_are_refused_by_their_field() {
    let house = House::start(&[(
        "nodes.allowed_cidrs",
        "[\"127.0.0.0/8\", \"198.51.100.0/24\"]",
    )])
    .await;
    let api = Api::local(&house);
    let with = |more: Value| {
        let mut body = json!({"name": "n", "address": "n:443", "stats_url": "http://127.0.0.1:9"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    for (more, field) in [
        (json!({"name": "N"}), "name"),
        (json!({"name": "a_b"}), "name"),
        (json!({"address": "n"}), "address"),
        (json!({"address": "n:0"}), "address"),
        (json!({"stats_url": "127.0.0.1:9"}), "stats_url"),
        (json!({"stats_url": "ftp://127.0.0.1"}), "stats_url"),
        (json!({"stats_url": "http://u:p@127.0.0.1:9"}), "stats_url"),
        (
            json!({"stats_url": "http://127.0.0.1:9/traffic"}),
            "stats_url",
        ),
        (json!({"stats_url": "https://192.0.2.1"}), "stats_url"),
        (json!({"stats_url": "http://198.51.100.1:9"}), "stats_url"),
        (json!({"stats_secret": ""}), "stats_secret"),
        (json!({"stats_secret": "ü"}), "stats_secret"),
        (json!({"obfs": "salamander"}), "obfs_password"),
        (json!({"obfs_password": "pass"}), "obfs"),
        (json!({"obfs": "xor", "obfs_password": "pass"}), "obfs"),
        (
            json!({"obfs": "gecko", "obfs_password": "abc"}),
            "obfs_password",
        ),
        (json!({"pin_sha256": "abc"}), "pin_sha256"),
        (json!({"sni": "a b"}), "sni"),
        (json!({"allow_targets": ["127.0.0.0/33"]}), "allow_targets"),
        (json!({"own_addresses": ["10.0.0.0/8"]}), "own_addresses"),
        (json!({"line_rate": 0}), "line_rate"),
        (json!({"require_stats": -1}), "require_stats"),
        (json!({"allow_plaintext": ["all"]}), "allow_plaintext"),
        (json!({"groups": ["nowhere"]}), "groups"),
    ] {
        api.post("/nodes", with(more)).await.wrong(&[field]);
    }
    assert_eq!(api.all("/nodes", 100).await.len(), 0, "nothing half done");
    // plain HTTP off loopback: with the word, and then it says what that exposes
    let refused = api
        .post(
            "/nodes",
            with(json!({"stats_url": "http://198.51.100.1:9"})),
        )
        .await;
    let refused = refused.wrong(&["stats_url"]);
    assert!(refused.to_string().contains("allow_plaintext stats"));
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_off_loopback_needs_a_word_and_says_what_it_exposes() {
    let house = House::start(&[("server.public_url", "http://hook.example.net")]).await;
    let api = Api::local(&house);
    let stats = FakeNode::start("s");
    let refused = api
        .post("/nodes", node("a", &stats))
        .await
        .wrong(&["allow_plaintext"]);
    assert!(
        refused.to_string().contains("allow_plaintext hook"),
        "{refused}"
    );
    let mut body = node("a", &stats);
    body["allow_plaintext"] = json!(["hook"]);
    let made = api.post("/nodes", body).await.is(201);
    let warning = made["warnings"][0].as_str().unwrap();
    assert!(
        warning.contains("http://hook.example.net") && warning.contains("sees the secret"),
        "{warning}"
    );
    assert!(
        made["hook_url"]
            .as_str()
            .unwrap()
            .ends_with("@hook.example.net/hook/v1/a")
    );
    api.patch("/nodes/a", json!({"allow_plaintext": []}))
        .await
        .wrong(&["allow_plaintext"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_hook_secret_stays_until_the_new_one_is_in_use() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let stats = FakeNode::start("s");
    let made = api.post("/nodes", node("a", &stats)).await.is(201);
    let http = reqwest::Client::new();
    let ask = async |made: &Value| {
        let url = made["hook_url"].as_str().unwrap();
        let body = json!({"addr": "192.0.2.1:4", "auth": "x", "tx": 0});
        http.post(url)
            .json(&body)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    let second = api.post("/nodes/a/rotate-secret", json!({})).await.is(200);
    assert_ne!(second["hook_url"], made["hook_url"]);
    assert_eq!(
        second["server_config"]["auth"]["http"]["url"],
        second["hook_url"]
    );
    assert_eq!((ask(&made).await, ask(&second).await), (200, 200));
    let third = api
        .post("/nodes/a/rotate-secret", json!({"now": true}))
        .await
        .is(200);
    assert_eq!(
        (ask(&made).await, ask(&second).await, ask(&third).await),
        (401, 401, 200)
    );
}

/// The server has the secret that was used last: those that were made and thrown away in between change nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_was_never_used_takes_nobodys_place() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let stats = FakeNode::start("s");
    let http = reqwest::Client::new();
    let ask = async |made: &Value| {
        let url = made["hook_url"].as_str().unwrap();
        let body = json!({"addr": "192.0.2.1:4", "auth": "x", "tx": 0});
        let answer = http.post(url).json(&body).send().await.unwrap();
        answer.status().as_u16()
    };
    let rotate = async || api.post("/nodes/a/rotate-secret", json!({})).await.is(200);
    let first = api.post("/nodes", node("a", &stats)).await.is(201);
    let lost = [rotate().await, rotate().await];
    let fresh = rotate().await;
    assert_eq!(ask(&first).await, 200, "the server is not locked out");
    for lost in &lost {
        assert_eq!(ask(lost).await, 401);
    }
    assert_eq!(ask(&fresh).await, 200);
    until(async || {
        let test = api.post("/nodes/a/test", json!({})).await.is(200);
        test["secret_used_at"].is_string()
    })
    .await;
    // now the server has that one
    let next = rotate().await;
    assert_eq!(
        (ask(&first).await, ask(&fresh).await, ask(&next).await),
        (401, 200, 200)
    );
}
