//! Who is in which group: whose word it takes, how many, and what becomes of a group that is deleted meanwhile.
use super::locks::blocked;
use crate::support::{api::Api, house::House};
use diesel_async::SimpleAsyncConnection;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

async fn groups(api: &Api, of: &str) -> Value {
    api.get(of).await.is(200)["groups"].clone()
}

async fn version(api: &Api, of: &str) -> i64 {
    api.get(of).await.is(200)["version"].as_i64().unwrap()
}

/// A3: who may not change an account may not move it into and out of groups either.
#[tokio::test(flavor = "multi_thread")]
async fn a3_nobody_moves_those_above() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    local.post("/groups", json!({"name": "vip"})).await.is(201);
    house.account("root", "superadmin").await;
    house.account("boss", "admin").await;
    let admin = house.person("adm", "admin").await;
    let token = json!({"name": "t", "scopes": ["users:read", "users:write"]});
    let token = local.post("/tokens", token).await.is(201);
    let token = Api::remote(&house, token["secret"].as_str());
    for (api, above) in [(&admin.api, "root"), (&token, "root"), (&token, "boss")] {
        let (inside, outside) = (
            format!("/groups/default/users/{above}"),
            format!("/groups/vip/users/{above}"),
        );
        api.delete(&inside).await.refused(403, "rank");
        api.put(&outside, None).await.refused(403, "rank");
        let of = format!("/users/{above}");
        assert_eq!(groups(&local, &of).await, json!(["default"]));
    }
    local.post("/users", json!({"name": "bob"})).await.is(201);
    for api in [&admin.api, &token] {
        api.put("/groups/vip/users/bob", None).await.is(204);
        api.delete("/groups/vip/users/bob").await.is(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_named_a_hundred_times_at_most_and_joined_once() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let vip = api.post("/groups", json!({"name": "vip"})).await.is(201);
    let node = |groups: &Value| json!({"name": "fra1", "address": "a.test:443", "stats_url": "http://127.0.0.1:9", "groups": groups});
    let batch = |groups: &Value| json!({"action": "create", "prefix": "p", "count": 3, "like": {"groups": groups}});
    let many = json!(vec!["vip"; 101]);
    let user = json!({"name": "bob", "groups": many});
    api.post("/users", user).await.wrong(&["groups"]);
    api.post("/nodes", node(&many)).await.wrong(&["groups"]);
    api.post("/users:batch", batch(&many))
        .await
        .wrong(&["like.groups"]);
    let unknown = json!(["vip", "gone"]);
    api.post("/nodes", node(&unknown)).await.wrong(&["groups"]);
    // it is wrong for all of them, and looked up once
    api.post("/users:batch", batch(&unknown))
        .await
        .wrong(&["like.groups"]);

    let again = json!(["vip", "default", "vip", vip["id"]]);
    let both = json!(["default", "vip"]);
    let user = json!({"name": "bob", "groups": again});
    let made = api.post("/users", user).await.is(201);
    assert_eq!(made["groups"], both);
    let made = api.post("/nodes", node(&again)).await.is(201);
    assert_eq!(made["groups"], both);
    let made = api.post("/users:batch", batch(&again)).await.is(200);
    assert_eq!(made["done"], 3);
    assert_eq!(groups(&api, "/users/p3").await, both);
}

/// What a view shows has its version: who saw other groups is told so.
#[tokio::test(flavor = "multi_thread")]
async fn joining_and_leaving_raise_the_version() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    api.post("/groups", json!({"name": "vip"})).await.is(201);
    api.post("/plans", json!({"name": "gold"})).await.is(201);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let seen = version(&api, "/users/bob").await;
    api.put("/groups/vip/users/bob", None).await.is(204);
    let give = async |seen: i64| {
        let request = api.request(Method::PUT, "/users/bob/plan");
        let request = request.header("if-match", format!("\"{seen}\""));
        api.answer("plan", request.json(&json!({"plan": "gold"})))
            .await
    };
    give(seen).await.refused(412, "changed");
    give(seen + 1).await.is(200);

    let set = json!({"action": "set_group", "group": "vip", "users": ["bob"]});
    for (path, body, rises) in [
        ("/groups/vip/users/bob", None, 0),
        ("/users:batch", Some(&set), 1),
        ("/users:batch", Some(&set), 0),
    ] {
        let before = version(&api, "/users/bob").await;
        match body {
            None => drop(api.put(path, None).await.is(204)),
            Some(body) => {
                let done = api.post(path, body.clone()).await.is(200);
                let shown = &done["items"][0]["user"];
                assert_eq!(shown["version"], before + rises);
                assert_eq!(shown["groups"], json!(["vip"]));
            }
        }
        assert_eq!(version(&api, "/users/bob").await, before + rises, "{path}");
    }
    let before = version(&api, "/nodes/fra1").await;
    for _ in 0..2 {
        api.put("/groups/vip/nodes/fra1", None).await.is(204);
        assert_eq!(version(&api, "/nodes/fra1").await, before + 1);
    }
    api.delete("/groups/vip").await.is(204);
    assert_eq!(version(&api, "/nodes/fra1").await, before + 2);
    assert_eq!(groups(&api, "/nodes/fra1").await, json!(["default"]));
}

/// A group's nodes alone are changed when it is deleted, and that refuses its users.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_group_its_users_are_refused() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let node = house.node("fra1", 9).await;
    let hook = node.config.hook_url.expose_secret();
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let device = json!({"name": "phone", "max_connections": 9});
    let device = api.post("/users/bob/devices", device).await.is(201);
    let admitted = async || {
        let body = json!({"addr": "192.0.2.1:4", "auth": device["secret"], "tx": 0});
        let answer = reqwest::Client::new().post(hook).json(&body).send().await;
        let answer: Value = answer.unwrap().json().await.unwrap();
        answer["ok"] == true
    };
    assert!(admitted().await);
    api.delete("/groups/default").await.is(204);
    assert!(!admitted().await, "from the answer on");
    assert_eq!(groups(&api, "/users/bob").await, json!([]));
    let told = api.all("/audit?action=group.delete", 10).await;
    let (users, nodes) = (&told[0]["detail"]["users"], &told[0]["detail"]["nodes"]);
    assert_eq!((users, nodes), (&json!(1), &json!(1)));
    // another one of that name is another group
    api.post("/groups", json!({"name": "default"}))
        .await
        .is(201);
    api.put("/groups/default/nodes/fra1", None).await.is(204);
    assert!(!admitted().await);
    api.put("/groups/default/users/bob", None).await.is(204);
    assert!(admitted().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_deleted_at_the_same_moment_is_none() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let node = json!({"name": "par1", "address": "a.test:443", "stats_url": "http://127.0.0.1:10", "groups": ["vip"]});
    let like = json!({"groups": ["vip"]});
    let create = json!({"action": "create", "prefix": "p", "count": 2, "like": like});
    let set = json!({"action": "set_group", "group": "vip", "users": ["bob"]});
    let user = json!({"name": "eve", "groups": ["vip"]});
    for (method, path, body, ends) in [
        (Method::POST, "/users", Some(user), Ok("groups")),
        (
            Method::POST,
            "/users:batch",
            Some(create),
            Ok("like.groups"),
        ),
        (Method::POST, "/users:batch", Some(set), Ok("group")),
        (Method::POST, "/nodes", Some(node), Ok("groups")),
        (Method::PUT, "/groups/vip/users/bob", None, Err(404)),
        (Method::PUT, "/groups/vip/nodes/fra1", None, Err(404)),
        // the plan has it no more, so the user's own stay
        (
            Method::PUT,
            "/users/bob/plan",
            Some(json!({"plan": "gold"})),
            Err(200),
        ),
    ] {
        api.post("/groups", json!({"name": "vip"})).await.is(201);
        let plan = json!({"name": "gold", "groups": ["vip"]});
        api.post("/plans", plan).await.is(201);
        let mut held = house.test.connect().await;
        let delete = "BEGIN; DELETE FROM groups WHERE name = 'vip'";
        held.batch_execute(delete).await.unwrap();
        let deleted = async {
            blocked(&house).await;
            held.batch_execute("COMMIT").await.unwrap();
        };
        let (answer, ()) = tokio::join!(api.send(method, path, body), deleted);
        match ends {
            Ok(field) => drop(answer.wrong(&[field])),
            Err(status) => assert_eq!(answer.status, status, "{path}: {}", answer.text),
        }
        assert_eq!(groups(&api, "/users/bob").await, json!(["default"]));
        if path != "/users/bob/plan" {
            api.delete("/plans/gold").await.is(204);
        }
    }
}
