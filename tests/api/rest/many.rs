//! More than fits into one answer: nodes, devices.
use crate::support::{
    api::Api,
    house::{House, device, user},
};
use serde_json::json;

/// The node that is asked for is found behind any number of others, and a list that is cut says so.
#[tokio::test(flavor = "multi_thread")]
async fn the_hundred_and_first_node_is_reached() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("zz", 9).await;
    let gecko = json!({"name": "zzz", "address": "z.test:443", "stats_url": "http://127.0.0.1:8",
                       "obfs": "gecko", "obfs_password": "pass-pass"});
    api.post("/nodes", gecko).await.is(201);
    house
        .test
        .execute(
            "INSERT INTO nodes (id, name, address, hook_secret_hash, hook_secret_sealed, stats_url, stats_secret_sealed,
                created_at, updated_at)
             SELECT gen_random_uuid(), 'a' || n, 'a.test:443', hook_secret_hash, hook_secret_sealed,
                'http://127.0.0.1:' || 2000 + n, stats_secret_sealed, now(), now()
             FROM nodes, generate_series(1, 100) n WHERE name = 'zz';
             INSERT INTO group_nodes (group_no, node_no) SELECT 1, number FROM nodes WHERE name LIKE 'a%'",
        )
        .await;
    let made = house.device(user("bob"), device("phone")).await;
    let path = format!("/devices/{}", made.detail.device.id);
    let profile = format!("/hysteria/config/bob/{}", made.detail.device.id);
    let links = api.get(&format!("{path}/uri")).await.is(200);
    assert_eq!(
        (links["uris"].as_array().unwrap().len(), &links["more"]),
        (100, &json!(true))
    );
    for node in ["zz", "a7"] {
        let links = api.get(&format!("{path}/uri?node={node}")).await.is(200);
        assert_eq!(
            (&links["uris"][0]["node"], &links["more"]),
            (&json!(node), &json!(false))
        );
        let config = api.get(&format!("{path}/config?node={node}")).await;
        assert_eq!(
            config.is(200)["server"].as_str().unwrap().len(),
            if node == "zz" { 13 } else { 10 }
        );
    }
    for (body, server) in [
        (json!({"node": "zz"}), "node.test:443"),
        (json!({"obfs": "gecko"}), "z.test:443"),
        (json!({}), "a.test:443"),
    ] {
        let put = api.put(&profile, Some(body)).await.is(200);
        assert_eq!(put["config"]["server"], server);
    }
    api.put(&profile, Some(json!({"node": "zz", "obfs": "gecko"})))
        .await
        .refused(409, "state");
    api.get(&format!("{path}/uri?node=nowhere"))
        .await
        .wrong(&["node"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_more_devices_than_one_call_may_touch() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    for name in ["a", "b", "c"] {
        let body = json!({"name": name});
        api.post("/users/bob/devices", body).await.is(201);
    }
    let shown = api.all("/users/bob/credentials", 2).await;
    let names: Vec<_> = shown.iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let revealed = api.all("/audit?action=device.reveal", 100).await;
    assert_eq!(revealed.len(), 3, "each that was shown, and no other");

    house
        .test
        .execute(
            "INSERT INTO devices (id, user_no, name, created_at, updated_at)
             SELECT gen_random_uuid(), 1, 'd' || n, now(), now() FROM generate_series(1, 996) n",
        )
        .await;
    let add = async |name: &str| api.post("/users/bob/devices", json!({"name": name})).await;
    add("last").await.is(201);
    add("one more").await.refused(409, "device_limit");
    api.patch("/users/bob", json!({"device_limit": 5_000}))
        .await
        .is(200);
    add("one more").await.refused(409, "device_limit");
}
