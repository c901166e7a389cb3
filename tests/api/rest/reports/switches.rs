//! What operators switch.
use crate::support::{api::Api, house::House};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

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
