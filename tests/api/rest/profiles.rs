//! What devices' clients are configured with. That the official client starts with it is told by `tests/e2e`.
use crate::support::{api::Api, house::House, people::PASSWORD};
use serde_json::{Value, json};

async fn world() -> (House, Api, String, String) {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for (name, obfs) in [("a", None), ("b", Some("salamander"))] {
        let mut body = json!({"name": name, "address": format!("{name}.test:443"),
                              "stats_url": format!("http://127.0.0.1:{}", if name == "a" { 8 } else { 9 })});
        if let Some(obfs) = obfs {
            body["obfs"] = json!(obfs);
            body["obfs_password"] = json!("pass-pass");
        }
        api.post("/nodes", body).await.is(201);
    }
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let made = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    let path = format!("/hysteria/config/bob/{}", made["id"].as_str().unwrap());
    let secret = made["secret"].as_str().unwrap().to_owned();
    (house, api, path, secret)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_makes_a_configuration() {
    let (_house, api, path, secret) = world().await;
    let usual = api.get(&path).await.is(200);
    assert_eq!(
        (
            &usual["version"],
            &usual["mode"],
            &usual["config"]["server"]
        ),
        (&json!(0), &json!("socks5"), &json!("a.test:443"))
    );
    assert_eq!(usual["config"]["auth"], secret.as_str());
    assert_eq!(usual["config"]["socks5"]["listen"], "127.0.0.1:1080");
    assert!(
        usual["config_yaml"]
            .as_str()
            .unwrap()
            .contains("server: a.test:443")
    );

    let body = json!({"node": "b", "up": 2_500_000, "down": 12_500_000, "mode": "http", "listen": "127.0.0.1:3128",
                      "lazy": true, "fast_open": true});
    let made = api.post(&path, body.clone()).await.is(201);
    for (field, value) in body.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    let config = &made["config"];
    for (pointer, value) in [
        ("/server", json!("b.test:443")),
        ("/bandwidth/up", json!("20 mbps")),
        ("/bandwidth/down", json!("100 mbps")),
        ("/http/listen", json!("127.0.0.1:3128")),
        ("/lazy", json!(true)),
        ("/fastOpen", json!(true)),
        ("/obfs/type", json!("salamander")),
    ] {
        assert_eq!(config.pointer(pointer), Some(&value), "{pointer}");
    }
    assert_eq!(config.get("socks5"), None);
    api.post(&path, body).await.refused(409, "duplicate");
    assert_eq!(api.get(&path).await.is(200)["config"], *config);
    // the device's own route says the same
    let device = path.replace("/hysteria/config/bob", "/devices");
    assert_eq!(api.get(&format!("{device}/config")).await.is(200), *config);

    let put = api.put(&path, Some(json!({"obfs": "none"}))).await.is(200);
    assert_eq!(
        (
            &put["version"],
            &put["node"],
            &put["config"]["server"],
            &put["lazy"]
        ),
        (&json!(2), &Value::Null, &json!("a.test:443"), &json!(false))
    );
    assert_eq!(
        api.put(&path, Some(json!({"obfs": "salamander"})))
            .await
            .is(200)["config"]["server"],
        "b.test:443"
    );
    assert_eq!(api.delete(&path).await.status, 204);
    api.delete(&path).await.refused(404, "not_found");
    assert_eq!(api.get(&path).await.is(200)["version"], 0);
}

/// P35: who may change a device may not see its secret with that; who may is written down.
#[tokio::test(flavor = "multi_thread")]
async fn p35_a_changed_profile_shows_its_secret_to_those_who_may_see_it() {
    let (house, api, path, secret) = world().await;
    let revealed = async || api.all("/audit?action=device.reveal", 100).await.len();
    let scopes = json!({"name": "writer", "scopes": ["devices:write"]});
    let token = api.post("/tokens", scopes).await.is(201);
    let writer = Api::remote(&house, token["secret"].as_str());
    for answer in [
        writer.post(&path, json!({"node": "a"})).await,
        writer.put(&path, Some(json!({"node": "b"}))).await,
    ] {
        assert!(
            answer.status < 300 && !answer.text.contains(&secret),
            "{}",
            answer.text
        );
        assert_eq!(
            (&answer.body["config"], &answer.body["config_yaml"]),
            (&Value::Null, &Value::Null)
        );
    }
    assert_eq!(revealed().await, 0);
    let shown = api.put(&path, Some(json!({}))).await.is(200);
    assert_eq!(shown["config"]["auth"], secret.as_str());
    assert_eq!(revealed().await, 1);
    // one's own is one's own
    house.password("bob", PASSWORD).await;
    let bob = house.login("bob").await;
    let shown = bob
        .api
        .put(&path, Some(json!({"lazy": true})))
        .await
        .is(200);
    assert_eq!(shown["config"]["auth"], secret.as_str());
    assert_eq!(revealed().await, 2);
    // what could not be made was not shown
    api.put(&path, Some(json!({"obfs": "gecko"})))
        .await
        .refused(409, "state");
    for node in ["a", "b"] {
        api.delete(&format!("/groups/default/nodes/{node}")).await;
    }
    api.get(&path).await.refused(409, "state");
    assert_eq!(revealed().await, 2);
}

/// A1: a device is reached through its own user only; what another has is as if it were not.
#[tokio::test(flavor = "multi_thread")]
async fn a1_a_profile_belongs_to_its_users_device() {
    let (_house, api, path, _) = world().await;
    api.post("/users", json!({"name": "eve"})).await.is(201);
    let foreign = path.replace("/bob/", "/eve/");
    let missing = "/hysteria/config/bob/01990000-0000-7000-8000-000000000000";
    for path in [foreign.as_str(), missing] {
        api.get(path).await.refused(404, "not_found");
        api.post(path, json!({})).await.refused(404, "not_found");
        api.put(path, Some(json!({})))
            .await
            .refused(404, "not_found");
        api.delete(path).await.refused(404, "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_profiles_are_refused_and_nothing_is_kept() {
    let (_house, api, path, _) = world().await;
    for (body, field) in [
        (json!({"node": "nowhere"}), "node"),
        (json!({"up": 1}), "up"),
        (json!({"down": -1}), "down"),
        (json!({"mode": "vpn"}), "mode"),
        (json!({"obfs": "xor"}), "obfs"),
        (json!({"listen": "1080"}), "listen"),
        (json!({"listen": "127.0.0.1:0"}), "listen"),
        (json!({"mode": "tun", "listen": "127.0.0.1:1"}), "listen"),
        (json!({"server": "elsewhere"}), "server"),
    ] {
        api.post(&path, body.clone()).await.wrong(&[field]);
        api.put(&path, Some(body)).await.wrong(&[field]);
    }
    // a node without such a disguise, or whose address must be known and is not
    for body in [json!({"obfs": "gecko"}), json!({"mode": "tun"})] {
        api.put(&path, Some(body)).await.refused(409, "state");
    }
    assert_eq!(api.get(&path).await.is(200)["version"], 0);
    api.patch("/nodes/a", json!({"own_addresses": ["192.0.2.7"]}))
        .await
        .is(200);
    let tun = api.put(&path, Some(json!({"mode": "tun"}))).await.is(200);
    assert_eq!(
        tun["config"]["tun"]["route"]["ipv4Exclude"],
        json!(["192.0.2.7/32"])
    );
}
