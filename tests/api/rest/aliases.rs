//! Paths of the source designs (routes.md): they do what ours do.
use crate::support::{api::Api, house::House};
use reqwest::{Client, Method};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_nodes() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    assert_eq!(api.all("/servers", 10).await, api.all("/nodes", 10).await);
    let node = api.get("/servers/fra1").await.is(200);
    assert_eq!(node, api.get("/nodes/fra1").await.is(200));
    api.put("/servers/fra1", Some(json!({"address": "x.test:1"})))
        .await
        .is(200);
    assert_eq!(
        api.get("/servers/fra1/health?").await.is(200)["address"],
        "x.test:1"
    );
    api.post("/servers/fra1/test", json!({})).await.is(200);
    let body = json!({"name": "fra2", "address": "y.test:1", "stats_url": "http://127.0.0.1:8"});
    api.post("/servers", body).await.is(201);
    assert_eq!(api.delete("/servers/fra2?abandon=true").await.status, 204);
    api.get("/serversx").await.refused(404, "no_route");
    api.post("/users", json!({"name": "bob"})).await.is(201);
    api.post("/users/bob/reset-usage", json!({})).await.is(200);
    let flagged = api
        .patch("/server/x.test/config", json!({"gaming": true}))
        .await
        .is(200);
    assert_eq!(flagged["gaming"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_monitors_paths_lie_outside_the_prefix() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let stats = fake_node::FakeNode::start("s");
    for (name, own) in [("fra1", "192.0.2.7"), ("fra2", "192.0.2.8")] {
        let body = json!({"name": name, "address": format!("{name}.test:443"), "own_addresses": [own],
                          "stats_url": if name == "fra1" { stats.url() } else { "http://127.0.0.1:8".to_owned() },
                          "stats_secret": "s"});
        api.post("/nodes", body).await.is(201);
    }
    let token = api
        .post("/tokens", json!({"name": "t", "scopes": ["*"]}))
        .await
        .is(201);
    let http = Client::new();
    let ask = async |method: Method, path: &str, body: Option<Value>, with_token: bool| {
        let mut request = http.request(method, format!("{}{path}", house.url()));
        if with_token {
            request = request.bearer_auth(token["secret"].as_str().unwrap());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.headers().contains_key("x-request-id"), "{path}");
        let status = answer.status().as_u16();
        (status, answer.json::<Value>().await.unwrap_or_default())
    };
    for (method, path) in [
        (Method::GET, "/users"),
        (Method::POST, "/users"),
        (Method::DELETE, "/users/bob"),
        (Method::GET, "/servers"),
        (Method::PATCH, "/server/192.0.2.7/config"),
        (Method::POST, "/heartbeat"),
    ] {
        let (status, body) = ask(method, path, None, false).await;
        assert_eq!(
            (status, &body["code"]),
            (401, &json!("unauthenticated")),
            "{path}"
        );
    }
    let bob = json!({"name": "bob"});
    assert_eq!(ask(Method::POST, "/users", Some(bob), true).await.0, 201);
    let listed = ask(Method::GET, "/users?limit=1&total=true", None, true).await;
    assert_eq!((listed.0, &listed.1["total"]), (200, &json!(1)));
    let deleted = ask(Method::DELETE, "/users/bob", None, true).await;
    assert_eq!((deleted.0, &deleted.1["status"]), (200, &json!("deleted")));
    let all = ask(Method::GET, "/servers?all_servers=true", None, true).await;
    assert_eq!(all.1["items"].as_array().unwrap().len(), 2);
    assert!(
        all.1["items"][0]["stats_url"].is_string(),
        "the admin's view"
    );
    let flags = json!({"paid": true, "enabled": false});
    let set = ask(Method::PATCH, "/server/192.0.2.8/config", Some(flags), true).await;
    assert_eq!(
        (set.0, &set.1["name"], &set.1["paid"], &set.1["enabled"]),
        (200, &json!("fra2"), &json!(true), &json!(false))
    );
    let nowhere = ask(
        Method::PATCH,
        "/server/192.0.2.99/config",
        Some(json!({})),
        true,
    )
    .await;
    assert_eq!(nowhere.0, 404);
    // the client's view: enabled, read lately, nothing that is not a client's business
    assert!(stats.wait_for(
        fake_node::Ask::Online,
        2,
        std::time::Duration::from_secs(20)
    ));
    let seen = ask(Method::GET, "/servers", None, true).await;
    let names: Vec<&Value> = seen.1["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| &s["name"])
        .collect();
    assert_eq!(names, ["fra1"]);
    assert_eq!(seen.1["items"][0].get("stats_url"), None);
    assert_eq!(seen.1, api.get("/public/servers").await.is(200));
    let beat = ask(Method::POST, "/heartbeat", Some(json!({})), true).await;
    assert_eq!((beat.0, &beat.1["code"]), (501, &json!("not_built")));
    assert!(beat.1["detail"].as_str().unwrap().contains("agent"));
    let wrong = http.put(format!("{}/servers", house.url())).send().await;
    assert_eq!(wrong.unwrap().status(), 404, "no such route");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_built_yet_says_so() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for (method, path) in [
        (Method::POST, "/config/backup"),
        (Method::GET, "/admin/backup"),
        (Method::POST, "/admin/restore"),
    ] {
        let problem = api.send(method, path, None).await.refused(501, "not_built");
        assert!(
            problem["detail"].as_str().unwrap().contains("backup"),
            "{path}"
        );
    }
}
