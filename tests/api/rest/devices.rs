use crate::support::{api::Api, house::House};
use fake_node::{Ask, FakeNode, Moved};
use hywarden::admission::OwnForm;
use serde_json::{Value, json};

async fn house() -> (House, Api) {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    (house, api)
}

/// What the hook says to this secret.
async fn hook(house: &House, hook_url: &str, auth: &str) -> String {
    let answer: Value = reqwest::Client::new()
        .post(hook_url)
        .json(&json!({"addr": "192.0.2.1:4", "auth": auth, "tx": 0}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    if answer["ok"] == true {
        return "ok".to_owned();
    }
    let recent = Api::local(house).get("/decisions?user=bob").await.is(200);
    recent["items"][0]["code"].to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_lives_and_is_refused_from_the_answer_on() {
    let (house, api) = house().await;
    let node = house.node("fra1", 9).await;
    use secrecy::ExposeSecret;
    let url = node.config.hook_url.expose_secret();
    let made = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    let (id, secret) = (
        made["id"].as_str().unwrap(),
        made["secret"].as_str().unwrap(),
    );
    assert_eq!(OwnForm::of(secret), OwnForm::Valid);
    let uri = made["uri"].as_str().unwrap();
    assert!(
        uri.starts_with(&format!("hysteria2://{secret}@node.test:443/")),
        "{uri}"
    );
    assert_eq!(made["uris"], json!([{"node": "fra1", "uri": uri}]));
    for (field, value) in [
        ("user", json!("bob")),
        ("kind", json!("own")),
        ("status", json!("active")),
        ("max_connections", json!(1)),
        ("on_conflict", json!("newest")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(hook(&house, url, secret).await, "ok");

    let path = format!("/devices/{id}");
    let shown = api.get(&path).await.is(200);
    assert_eq!(
        (&shown["secret"], &shown["uri"]),
        (&Value::Null, &Value::Null)
    );
    let links = api.get(&format!("{path}/uri?node=fra1")).await.is(200);
    assert_eq!(links["uri"], uri);
    api.get(&format!("{path}/uri?node=x"))
        .await
        .wrong(&["node"]);
    let config = api.get(&format!("{path}/config")).await.is(200);
    assert_eq!(
        (&config["auth"], &config["server"]),
        (&json!(secret), &json!("node.test:443"))
    );
    let config = api
        .get(&format!("{path}/config?format=sing-box"))
        .await
        .is(200);
    assert!(config["outbounds"].is_array());
    let svg = api.get(&format!("{path}/qr")).await;
    assert!(svg.status == 200 && svg.text.starts_with("<svg"));

    let edited = api
        .patch(
            &path,
            json!({"name": "tablet", "max_connections": 3, "on_conflict": "refuse"}),
        )
        .await
        .is(200);
    assert_eq!(
        (&edited["name"], &edited["max_connections"]),
        (&json!("tablet"), &json!(3))
    );
    let blocked = api.post(&format!("{path}/block"), json!({})).await.is(200);
    assert_eq!(blocked["status"], "blocked");
    assert_eq!(hook(&house, url, secret).await, "\"device_blocked\"");
    api.post(&format!("{path}/unblock"), json!({}))
        .await
        .is(200);
    assert_eq!(hook(&house, url, secret).await, "ok");

    let rotated = api.post(&format!("{path}/rotate"), json!({})).await.is(200);
    let fresh = rotated["secret"].as_str().unwrap();
    assert_ne!(fresh, secret);
    assert_eq!(rotated["credential_version"], 2);
    assert_eq!(hook(&house, url, secret).await, "\"device_revoked\"");
    assert_eq!(hook(&house, url, fresh).await, "ok");

    assert_eq!(api.delete(&path).await.is(200)["status"], "removed");
    assert_eq!(hook(&house, url, fresh).await, "\"device_revoked\"");
    api.delete(&path).await.refused(404, "not_found");
    api.get(&format!("{path}/uri")).await.refused(409, "state");
    assert_eq!(api.all("/users/bob/devices", 10).await.len(), 0);
    assert_eq!(api.all("/devices?removed=true", 10).await.len(), 1);
    let again = api
        .post("/users/bob/devices", json!({"name": "tablet"}))
        .await;
    again.is(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limit_holds_under_concurrency() {
    let (house, api) = house().await;
    api.patch("/users/bob", json!({"device_limit": 3}))
        .await
        .is(200);
    let add = async |n: u32| {
        let body = json!({"name": format!("d{n}")});
        Api::local(&house).post("/users/bob/devices", body).await
    };
    let answers = futures_util::future::join_all((0..10).map(add)).await;
    let made = answers.iter().filter(|a| a.status == 201).count();
    assert_eq!(made, 3, "ten at once, limit three");
    for answer in answers.into_iter().filter(|a| a.status != 201) {
        answer.refused(409, "device_limit");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_leads_to_one_device() {
    let (house, api) = house().await;
    api.post("/users", json!({"name": "eve"})).await.is(201);
    let add = async |user: &str, name: &str, kind: &str, secret: &str| {
        let body = json!({"name": name, "kind": kind, "secret": secret});
        api.post(&format!("/users/{user}/devices"), body).await
    };
    add("bob", "old", "userpass", "Bob:pass:word").await.is(201);
    let refused = add("eve", "tv", "userpass", "bOB:pass:word").await;
    let refused = refused.refused(409, "duplicate");
    let detail = refused["detail"].as_str().unwrap();
    for named in ["\"old\"", "\"bob\"", "\"tv\"", "\"eve\""] {
        assert!(detail.contains(named), "{named} in {detail}");
    }
    add("eve", "tv", "bare", "Bob:pass:word")
        .await
        .refused(409, "duplicate");
    add("eve", "tv", "bare", "bob:pass:word")
        .await
        .refused(409, "duplicate");
    add("eve", "tv", "bare", "päss wörd").await.is(201);
    add("bob", "b", "bare", "päss wörd")
        .await
        .refused(409, "duplicate");
    assert_eq!(
        api.all("/users/bob/devices", 10).await.len(),
        1,
        "nothing half done"
    );
    for (kind, secret) in [
        ("bare", ""),
        ("bare", "hy1_x"),
        ("bare", "line\nbreak"),
        ("bare", &"x".repeat(1025)),
        ("userpass", "nocolon"),
        ("userpass", ":x"),
        ("own", "mine"),
    ] {
        add("bob", "x", kind, secret).await.wrong(&["secret"]);
    }
    api.post("/users/bob/devices", json!({"name": "x", "kind": "bare"}))
        .await
        .wrong(&["secret"]);
    // whichever of the two was there first
    add("eve", "zoe", "bare", "Zoe:pass").await.is(201);
    add("bob", "x", "userpass", "zoe:pass")
        .await
        .refused(409, "duplicate");
    add("bob", "x", "bare", "zoe:pass")
        .await
        .refused(409, "duplicate");
    add("bob", "x", "bare", "zoe:PASS").await.is(201);
    // a removed device's secret may be given again
    let all = api.all("/users/bob/devices", 10).await;
    let device = all.iter().find(|one| one["name"] == "old").unwrap();
    let path = format!("/devices/{}", device["id"].as_str().unwrap());
    let rotated = api
        .post(&format!("{path}/rotate"), json!({"secret": "bob:new"}))
        .await;
    assert_eq!(rotated.is(200)["kind"], "userpass", "the kind stays");
    add("eve", "pc", "userpass", "Bob:pass:word").await.is(201);
    drop(house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_leads_to_one_device_however_many_ask_at_once() {
    let (house, api) = house().await;
    // a user's lock would let its own devices in one by one
    for n in 0..8 {
        let body = json!({"name": format!("u{n}")});
        api.post("/users", body).await.is(201);
    }
    for round in 0..5 {
        let add = async |n: usize| {
            let (kind, name) = [
                ("bare", "Zoe"),
                ("userpass", "zoe"),
                ("bare", "zoe"),
                ("userpass", "ZOE"),
            ][n % 4];
            let body = json!({"name": format!("{round}-{n}"), "kind": kind, "secret": format!("{name}:{round}")});
            let path = format!("/users/u{n}/devices");
            Api::local(&house).post(&path, body).await
        };
        let answers = futures_util::future::join_all((0..8).map(add)).await;
        let made = answers.iter().filter(|a| a.status == 201).count();
        assert_eq!(made, 1, "{answers:?}");
        for answer in answers.into_iter().filter(|a| a.status != 201) {
            answer.refused(409, "duplicate");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kick_closes_one_device_and_keeps_nobody_out() {
    let (_house, api) = house().await;
    let stats = FakeNode::start("s");
    let node =
        json!({"name": "fra1", "address": "n:443", "stats_url": stats.url(), "stats_secret": "s"});
    let node = api.post("/nodes", node).await.is(201);
    let mut ids = Vec::new();
    let mut devices = Vec::new();
    for name in ["phone", "tv"] {
        let made = api
            .post("/users/bob/devices", json!({"name": name}))
            .await
            .is(201);
        let answer: Value = reqwest::Client::new()
            .post(node["hook_url"].as_str().unwrap())
            .json(&json!({"addr": "192.0.2.1:4", "auth": made["secret"], "tx": 0}))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let id = answer["id"].as_str().unwrap().to_owned();
        stats.connect(&id);
        ids.push(id);
        devices.push(made);
    }
    let since = std::time::Instant::now();
    while api.all("/stats/connections", 100).await.len() < 2 {
        assert!(since.elapsed().as_secs() < 30, "never online");
        tokio::task::yield_now().await;
    }
    let path = format!("/devices/{}/kick", devices[0]["id"].as_str().unwrap());
    assert_eq!(api.post(&path, json!({})).await.is(200)["connections"], 1);
    let patience = std::time::Duration::from_secs(30);
    let seen = tokio::task::block_in_place(|| stats.wait_for(Ask::Kick, 1, patience));
    assert!(seen, "the reader was told");
    assert_eq!(
        stats.marked(),
        [ids[0].clone()],
        "the phone's, and not the tv's"
    );
    assert_eq!(stats.moves(&ids[0], 1, 1), Moved::Kicked);
    assert_eq!(stats.moves(&ids[1], 1, 1), Moved::Counted);
    let since = std::time::Instant::now();
    loop {
        let online = api.all("/stats/connections", 100).await;
        if online.len() == 1 {
            assert_eq!(online[0]["id"], ids[1].as_str());
            break;
        }
        assert!(since.elapsed().as_secs() < 30, "never gone");
        tokio::task::yield_now().await;
    }
}
