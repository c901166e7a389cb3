//! A3: what an account has is managed by those who manage the account.
use crate::support::{api::Api, house::House};
use reqwest::Method;
use serde_json::{Value, json};

async fn device(api: &Api, user: &str) -> (String, Value) {
    let made = api
        .post(&format!("/users/{user}/devices"), json!({"name": "phone"}))
        .await
        .is(201);
    (made["id"].as_str().unwrap().to_owned(), made)
}

/// Everything that changes this device or adds one.
fn verbs(user: &str, id: &str) -> Vec<(Method, String, Option<Value>)> {
    let profile = format!("/hysteria/config/{user}/{id}");
    let mut all = vec![
        (
            Method::PATCH,
            format!("/devices/{id}"),
            Some(json!({"name": "x"})),
        ),
        (
            Method::PUT,
            format!("/devices/{id}"),
            Some(json!({"name": "x"})),
        ),
        (
            Method::POST,
            format!("/users/{user}/devices"),
            Some(json!({"name": "more"})),
        ),
        (Method::POST, profile.clone(), Some(json!({}))),
        (Method::PUT, profile.clone(), Some(json!({}))),
        (Method::DELETE, profile, None),
    ];
    for verb in ["block", "unblock", "rotate", "kick"] {
        all.push((
            Method::POST,
            format!("/devices/{id}/{verb}"),
            Some(json!({})),
        ));
    }
    all.push((Method::DELETE, format!("/devices/{id}"), None));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a3_a_device_is_managed_by_rank() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    house.node("fra1", 9).await;
    house.account("sue", "superadmin").await;
    house.account("abe", "admin").await;
    local.post("/users", json!({"name": "bob"})).await.is(201);
    let ada = house.person("ada", "admin").await;
    let scopes = json!({"name": "t", "scopes": ["devices:write"]});
    let token = local.post("/tokens", scopes).await.is(201);
    let token = Api::remote(&house, token["secret"].as_str());

    let mut ids = Vec::new();
    for above in ["sue", "abe"] {
        let (id, before) = device(&local, above).await;
        for by in [&ada.api, &token] {
            for (method, path, body) in verbs(above, &id) {
                by.send(method, &path, body).await.refused(403, "rank");
            }
        }
        let shown = local.get(&format!("/devices/{id}")).await.is(200);
        assert_eq!(shown["version"], before["version"], "nothing was done");
        ids.push(id);
    }
    // what is below it, and what is its own, an admin manages
    for below in ["bob", "ada"] {
        let (id, _) = device(&local, below).await;
        for (method, path, body) in verbs(below, &id) {
            let answer = ada.api.send(method, &path, body).await;
            assert!(answer.status < 300, "{path}: {}", answer.text);
        }
    }
    let (own, _) = device(&local, "bob").await;
    ids.push(own);
    for action in ["block", "unblock", "rotate", "kick", "remove"] {
        for by in [&ada.api, &token] {
            let body = json!({"action": action, "devices": ids, "dry_run": true});
            let done = by.post("/devices:batch", body).await.is(200);
            let told: Vec<_> = done["items"].as_array().unwrap().iter().collect();
            for (item, status) in told.iter().zip([403, 403, 200]) {
                assert_eq!(item["status"], status, "{action} {item}");
            }
            assert_eq!(told[0]["error"]["code"], "rank", "{done}");
        }
    }
}
