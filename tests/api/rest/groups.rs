use crate::support::{api::Api, house::House};
use serde_json::json;

/// The nodes of a device's links: those that its user may use.
async fn nodes(api: &Api, device: &str) -> Vec<String> {
    let links = api.get(&format!("/devices/{device}/uri")).await.is(200);
    let links = links["uris"].as_array().unwrap();
    links
        .iter()
        .map(|l| l["node"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deny_goes_before_allow_and_allow_before_groups() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("a", 9).await;
    house.node("b", 10).await;
    api.post("/groups", json!({"name": "vip"})).await.is(201);
    api.post("/groups", json!({"name": "vip"}))
        .await
        .refused(409, "duplicate");
    let node = json!({"name": "c", "address": "c.test:443", "stats_url": "http://127.0.0.1:11", "groups": ["vip"]});
    let made = api.post("/nodes", node).await.is(201);
    assert_eq!(made["groups"], json!(["vip"]));
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let device = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    let device = device["id"].as_str().unwrap();
    assert_eq!(nodes(&api, device).await, ["a", "b"]);

    let empty = || async { api.put("/groups/vip/users/bob", None).await.status };
    assert_eq!(empty().await, 204);
    assert_eq!(empty().await, 204, "twice is no error");
    assert_eq!(nodes(&api, device).await, ["a", "b", "c"]);
    let deny = api
        .put("/users/bob/nodes/a", Some(json!({"effect": "deny"})))
        .await;
    assert_eq!(deny.status, 204);
    assert_eq!(nodes(&api, device).await, ["b", "c"]);
    api.post("/nodes/b/disable", json!({})).await.is(200);
    assert_eq!(
        nodes(&api, device).await,
        ["c", "b"],
        "what takes logins comes first"
    );
    assert_eq!(api.delete("/groups/vip/nodes/c").await.status, 204);
    assert_eq!(nodes(&api, device).await, ["b"]);
    let allow = api
        .put("/users/bob/nodes/c", Some(json!({"effect": "allow"})))
        .await;
    assert_eq!(allow.status, 204);
    assert_eq!(nodes(&api, device).await, ["c", "b"]);
    assert_eq!(api.delete("/users/bob/nodes/a").await.status, 204);
    api.delete("/users/bob/nodes/a")
        .await
        .refused(404, "not_found");
    assert_eq!(api.delete("/groups/default").await.status, 204);
    assert_eq!(nodes(&api, device).await, ["c"]);
    let user = api.get("/users/bob").await.is(200);
    assert_eq!(user["groups"], json!(["vip"]));
    let groups = api.all("/groups", 1).await;
    assert_eq!(
        (groups.len(), &groups[0]["users"], &groups[0]["nodes"]),
        (1, &json!(1), &json!(0))
    );
    // there is no default group any more: new users join none
    let made = api.post("/users", json!({"name": "eve"})).await.is(201);
    assert_eq!(made["groups"], json!([]));
    api.post("/users", json!({"name": "x", "groups": ["vip", "gone"]}))
        .await
        .wrong(&["groups"]);
}
