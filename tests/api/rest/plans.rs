//! Plans: bundles of limits, and the nodes that only paid ones open.
use crate::support::{api::Api, house::House};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_made_given_changed_and_applied() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/groups", json!({"name": "vip"})).await.is(201);
    let gold = json!({"name": "Gold", "quota": 100, "window": "month", "valid_for": 3600, "device_limit": 2,
                      "online_limit": 1, "groups": ["vip"], "note": "n"});
    let made = api.post("/plans", gold.clone()).await.is(201);
    for (field, value) in gold.as_object().unwrap() {
        assert_eq!(&made[field], value, "{field}");
    }
    assert_eq!((&made["paid"], &made["users"]), (&json!(false), &json!(0)));
    assert_eq!(api.get("/plans/gOLD").await.is(200), made);
    api.post("/plans", json!({"name": "gold"}))
        .await
        .refused(409, "duplicate");

    for name in ["a", "b"] {
        api.post("/users", json!({"name": name})).await.is(201);
        let given = api
            .put(
                &format!("/users/{name}/plan"),
                Some(json!({"plan": "gold"})),
            )
            .await
            .is(200);
        for (field, value) in [
            ("plan", json!("Gold")),
            ("quota", json!(100)),
            ("window", json!("month")),
            ("device_limit", json!(2)),
            ("online_limit", json!(1)),
            ("groups", json!(["vip"])),
        ] {
            assert_eq!(given[field], value, "{field}");
        }
        assert!(given["expires_at"].is_string());
    }
    let held = json!({"name": "h", "on_hold": true, "plan": "gold"});
    let held = api.post("/users", held).await.is(201);
    assert_eq!(
        (&held["valid_for"], &held["status"], &held["plan"]),
        (&json!(3600), &json!("on_hold"), &json!("Gold"))
    );
    assert_eq!(api.get("/plans/gold").await.is(200)["users"], 3);
    api.delete("/plans/gold").await.refused(409, "state");

    let edited = api
        .patch("/plans/gold", json!({"quota": 200, "valid_for": null}))
        .await
        .is(200);
    assert_eq!(
        (
            &edited["quota"],
            &edited["valid_for"],
            &edited["device_limit"]
        ),
        (&json!(200), &Value::Null, &json!(2))
    );
    let a = api.get("/users/a").await.is(200);
    assert_eq!(a["quota"], 100, "its users keep what they have");
    let applied = api.post("/plans/gold/apply", json!({})).await.is(200);
    assert_eq!(applied["users"], 3);
    let again = api.get("/users/a").await.is(200);
    assert_eq!(again["quota"], 200);
    assert_eq!(again["expires_at"], a["expires_at"], "expiries stay");

    let replaced = api
        .put("/plans/gold", Some(json!({"name": "Silver"})))
        .await
        .is(200);
    assert_eq!(
        (&replaced["name"], &replaced["quota"], &replaced["groups"]),
        (&json!("Silver"), &Value::Null, &json!([]))
    );
    let free = api
        .put("/users/a/plan", Some(json!({"plan": null})))
        .await
        .is(200);
    assert_eq!((&free["plan"], &free["quota"]), (&Value::Null, &json!(200)));
    for name in ["b", "h"] {
        assert_eq!(
            api.delete(&format!("/users/{name}?hard=true")).await.status,
            204
        );
    }
    assert_eq!(api.delete("/plans/silver").await.status, 204);
    api.get("/plans/silver").await.refused(404, "not_found");
    assert_eq!(api.all("/plans", 10).await.len(), 0);
}

/// Each call does what is left: who has the limits is left alone, who stands above the caller is counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_applied_to_whom_it_is_left_to_be() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    local.post("/groups", json!({"name": "vip"})).await.is(201);
    let gold = json!({"name": "gold", "quota": 100});
    local.post("/plans", gold).await.is(201);
    let give = async |name: &str| {
        let (path, plan) = (format!("/users/{name}/plan"), json!({"plan": "gold"}));
        local.put(&path, Some(plan)).await.is(200)
    };
    for (name, role) in [("a", "user"), ("boss", "admin"), ("z", "readonly")] {
        house.account(name, role).await;
        give(name).await;
    }
    let change = async |to: Value| local.patch("/plans/gold", to).await.is(200);
    let apply = async |api: &Api| {
        let done = api.post("/plans/gold/apply", json!({})).await.is(200);
        (
            done["users"].as_u64().unwrap(),
            done["skipped"].as_u64().unwrap(),
        )
    };
    let quotas = async || {
        let mut quotas = Vec::new();
        for name in ["a", "boss", "z"] {
            let user = local.get(&format!("/users/{name}")).await.is(200);
            quotas.push(user["quota"].as_i64().unwrap());
        }
        quotas
    };
    let admin = house.person("adm", "admin").await;
    change(json!({"quota": 200})).await;
    assert_eq!(apply(&admin.api).await, (2, 1));
    assert_eq!(quotas().await, [200, 100, 200]);
    assert_eq!(apply(&admin.api).await, (0, 1));
    assert_eq!(apply(&local).await, (1, 0));
    assert_eq!(apply(&local).await, (0, 0));
    // as if a call had been cut short after the first
    change(json!({"quota": 300, "groups": ["vip", "default"]})).await;
    give("a").await;
    assert_eq!(apply(&local).await, (2, 0));
    assert_eq!(quotas().await, [300; 3]);
    // groups count, too
    local.delete("/groups/vip/users/z").await.is(204);
    assert_eq!(apply(&local).await, (1, 0));
    let z = local.get("/users/z").await.is(200);
    assert_eq!(z["groups"], json!(["default", "vip"]));
    // a plan that names none leaves them
    change(json!({"groups": []})).await;
    assert_eq!(apply(&local).await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_plans_are_refused_by_their_field() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "a"})).await.is(201);
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": ""}), "name"),
        (json!({"name": "x", "quota": -1}), "quota"),
        (json!({"name": "x", "valid_for": 0}), "valid_for"),
        (json!({"name": "x", "window": "year"}), "window"),
        (json!({"name": "x", "device_limit": -1}), "device_limit"),
        (json!({"name": "x", "groups": ["nowhere"]}), "groups"),
        (json!({"name": "x", "number": 7}), "number"),
    ] {
        api.post("/plans", body).await.wrong(&[field]);
    }
    api.put("/users/a/plan", Some(json!({"plan": "nothing"})))
        .await
        .wrong(&["plan"]);
    api.put("/users/a/plan", Some(json!({})))
        .await
        .wrong(&["plan"]);
    api.post("/users", json!({"name": "b", "plan": "nothing"}))
        .await
        .wrong(&["plan"]);
    api.get("/users/b").await.refused(404, "not_found");
}

async fn login(house: &House, hook: &str, secret: &str) -> String {
    let answer: Value = reqwest::Client::new()
        .post(hook)
        .json(&json!({"addr": "192.0.2.1:4", "auth": secret, "tx": 0}))
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
    recent["items"][0]["code"].as_str().unwrap().to_owned()
}

/// E7: a user without a paid plan is offered no paid node, and none admits it; from the answer on in both directions.
#[tokio::test(flavor = "multi_thread")]
async fn e7_a_paid_node_takes_paid_plans_only() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let node = house.node("fra1", 9).await;
    let hook = node.config.hook_url.expose_secret();
    api.post("/plans", json!({"name": "free"})).await.is(201);
    api.post("/users", json!({"name": "bob", "plan": "free"}))
        .await
        .is(201);
    let made = api
        .post(
            "/users/bob/devices",
            json!({"name": "phone", "max_connections": 9}),
        )
        .await
        .is(201);
    let secret = made["secret"].as_str().unwrap();
    let links = format!("/devices/{}/uri", made["id"].as_str().unwrap());
    let offered = async || {
        api.get(&links).await.is(200)["uris"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        (login(&house, hook, secret).await.as_str(), offered().await),
        ("ok", 1)
    );
    let flagged = api
        .patch("/nodes/fra1/flags", json!({"paid": true, "gaming": true}))
        .await
        .is(200);
    assert_eq!(
        (&flagged["paid"], &flagged["gaming"], &flagged["streaming"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!(
        (login(&house, hook, secret).await.as_str(), offered().await),
        ("plan_required", 0)
    );
    // whether a plan is paid holds at once for all its users
    api.patch("/plans/free", json!({"paid": true}))
        .await
        .is(200);
    assert_eq!(
        (login(&house, hook, secret).await.as_str(), offered().await),
        ("ok", 1)
    );
    api.put("/users/bob/plan", Some(json!({"plan": null})))
        .await
        .is(200);
    assert_eq!(
        (login(&house, hook, secret).await.as_str(), offered().await),
        ("plan_required", 0)
    );
    api.patch(
        "/nodes/fra1/flags",
        json!({"paid": false, "enabled": false}),
    )
    .await
    .is(200);
    let number = house.parts().directory.node_named("fra1").unwrap();
    assert_eq!(
        number.state,
        hywarden::admission::directory::NodeState::Disabled
    );
    for (body, field) in [(json!({"vip": true}), "vip"), (json!({"paid": 1}), "paid")] {
        api.patch("/nodes/fra1/flags", body).await.wrong(&[field]);
    }
}
