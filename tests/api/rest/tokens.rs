use crate::support::{api::Api, clock::TurnedClock, database::database, house::House};
use chrono::TimeDelta;
use serde_json::json;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn tokens_end_when_they_should() {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let house = House::on(database().await, clock.clone(), &[]).await;
    let local = Api::local(&house);
    let make = async |body| local.post("/tokens", body).await.is(201);
    let made = make(json!({"name": "t", "scopes": ["users:read"], "expires_in": 60})).await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("hywarden_pat_"));
    assert_eq!(made["last_used_at"], json!(null));
    let remote = Api::remote(&house, Some(secret));
    remote.get("/users").await.is(200);
    let refused = remote.post("/users", json!({"name": "x"})).await;
    assert!(
        refused.refused(403, "forbidden")["detail"]
            .to_string()
            .contains("users:write")
    );
    clock.turn(TimeDelta::seconds(59));
    remote.get("/users").await.is(200);
    clock.turn(TimeDelta::seconds(1));
    remote.get("/users").await.refused(401, "unauthenticated");

    let made = make(json!({"name": "u", "scopes": ["*"]})).await;
    let remote = Api::remote(&house, made["secret"].as_str());
    remote.get("/users").await.is(200);
    let listed = local.all("/tokens", 10).await;
    assert_eq!(listed.len(), 2);
    assert!(listed[1]["last_used_at"].is_string());
    assert!(listed.iter().all(|t| t.get("secret").is_none()));
    local.delete("/tokens/u").await.is(200);
    remote.get("/users").await.refused(401, "unauthenticated");
    local.delete("/tokens/u").await.refused(404, "not_found");

    for cidr in ["127.0.0.0/8", "192.0.2.1"] {
        let made = make(json!({"name": cidr, "scopes": ["*"], "allowed_cidrs": [cidr]})).await;
        let remote = Api::remote(&house, made["secret"].as_str());
        let expected = if cidr.starts_with("127") { 200 } else { 401 };
        assert_eq!(remote.get("/users").await.status, expected, "{cidr}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gives_more_than_it_has() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let maker = json!({"name": "m", "scopes": ["tokens:write", "users:read"]});
    let made = local.post("/tokens", maker).await.is(201);
    let remote = Api::remote(&house, made["secret"].as_str());
    let make = async |scopes| {
        remote
            .post("/tokens", json!({"name": "x", "scopes": scopes}))
            .await
    };
    make(json!(["*"])).await.wrong(&["scopes"]);
    make(json!(["users:write"])).await.wrong(&["scopes"]);
    make(json!(["nonsense"])).await.wrong(&["scopes"]);
    make(json!([])).await.wrong(&["scopes"]);
    make(json!(["users:read"])).await.is(201);
    for secret in ["", "hywarden_pat_x", "a b", "Basic x"] {
        let nobody = Api::remote(&house, Some(secret));
        nobody.get("/users").await.refused(401, "unauthenticated");
    }
}
