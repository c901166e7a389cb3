//! One verb on many (security checks A4, K4; known flaw P27).
use crate::support::{api::Api, house::House};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

async fn count(house: &House, what: &str) -> i64 {
    let query = format!("SELECT count(*) AS n FROM {what}");
    let mut conn = house.test.connect().await;
    let row: Count = sql_query(query).get_result(&mut conn).await.unwrap();
    row.n
}

async fn three(api: &Api) {
    for name in ["a", "b", "c"] {
        let body = json!({"name": name, "quota": 100, "expires_at": "2090-01-01T00:00:00Z"});
        api.post("/users", body).await.is(201);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_verb_does_to_all_what_it_does_to_one() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    three(&api).await;
    api.post("/groups", json!({"name": "vip"})).await.is(201);
    let plan = json!({"name": "gold", "quota": 7, "device_limit": 2});
    api.post("/plans", plan).await.is(201);
    for (body, field, value) in [
        (json!({"action": "suspend"}), "status", json!("suspended")),
        (json!({"action": "activate"}), "status", json!("active")),
        (
            json!({"action": "extend", "days": 1}),
            "expires_at",
            json!("2090-01-02T00:00:00Z"),
        ),
        (
            json!({"action": "add_bytes", "bytes": 50}),
            "quota",
            json!(150),
        ),
        (
            json!({"action": "add_bytes", "bytes": -1_000}),
            "quota",
            json!(0),
        ),
        (
            json!({"action": "set_group", "group": "vip"}),
            "groups",
            json!(["vip"]),
        ),
        (
            json!({"action": "set_plan", "plan": "gold"}),
            "quota",
            json!(7),
        ),
        (json!({"action": "set_plan"}), "plan", Value::Null),
        (json!({"action": "reset"}), "used", json!(0)),
        (json!({"action": "delete"}), "status", json!("deleted")),
    ] {
        let mut body = body;
        body["users"] = json!(["c", "a", "b"]);
        let done = api.post("/users:batch", body.clone()).await.is(200);
        assert_eq!(
            (&done["done"], &done["failed"]),
            (&json!(3), &json!(0)),
            "{done}"
        );
        for (item, name) in done["items"]
            .as_array()
            .unwrap()
            .iter()
            .zip(["c", "a", "b"])
        {
            assert_eq!(
                (&item["name"], &item["status"]),
                (&json!(name), &json!(200))
            );
            assert_eq!(item["user"][field], value, "{body}");
            assert_eq!(
                api.get(&format!("/users/{name}")).await.is(200)[field],
                value,
                "{body}"
            );
        }
    }
    let body = json!({"action": "delete", "hard": true, "users": ["a", "b", "c"]});
    let done = api.post("/users:batch", body).await.is(200);
    assert_eq!(done["items"][0]["status"], 204);
    assert_eq!(done["items"][0]["user"], Value::Null);
    api.get("/users/a").await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_made_like_one() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "promo-3"})).await.is(201);
    let body = json!({"action": "create", "prefix": "promo-", "count": 4,
                      "like": {"quota": 9, "expires_in": 60, "note": "n"}});
    let mut dry = body.clone();
    dry["dry_run"] = json!(true);
    let would = api.post("/users:batch", dry).await.is(200);
    assert_eq!(
        api.all("/users", 10).await.len(),
        1,
        "a dry run changes nothing"
    );
    assert_eq!(count(&house, "audit").await, 1);
    let done = api.post("/users:batch", body.clone()).await.is(200);
    for answer in [&would, &done] {
        assert_eq!((&answer["done"], &answer["failed"]), (&json!(3), &json!(1)));
        let statuses: Vec<&Value> = answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["status"])
            .collect();
        assert_eq!(statuses, [201, 201, 409, 201]);
        assert_eq!(answer["items"][2]["error"]["code"], "duplicate");
    }
    assert_eq!(would["dry_run"], true);
    let made = api.get("/users/promo-4").await.is(200);
    assert_eq!((&made["quota"], &made["note"]), (&json!(9), &json!("n")));
    let more = json!({"action": "create", "prefix": "promo-", "first": 5, "count": 1});
    api.post("/users:batch", more).await.is(200);
    api.get("/users/promo-5").await.is(200);
    let nameless = json!({"action": "create", "prefix": " ", "count": 1});
    let done = api.post("/users:batch", nameless).await.is(200);
    assert_eq!(done["items"][0]["error"]["code"], "invalid");
}

/// A4: what cannot be done to one is said of that one, and undone for that one alone. K4: one audit row an item.
#[tokio::test(flavor = "multi_thread")]
async fn a4_each_has_its_own_result_and_k4_its_own_row() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    three(&api).await;
    api.patch("/users/b", json!({"expires_at": null}))
        .await
        .is(200);
    let before = count(&house, "audit").await;
    let body = json!({"action": "extend", "days": 1, "users": ["a", "nobody", "b", "a", "c"]});
    let done = api.post("/users:batch", body).await.is(200);
    let items = done["items"].as_array().unwrap();
    let results: Vec<(u64, &str)> = items
        .iter()
        .map(|i| {
            (
                i["status"].as_u64().unwrap(),
                i["error"]["code"].as_str().unwrap_or(""),
            )
        })
        .collect();
    assert_eq!(
        results,
        [
            (200, ""),
            (404, "not_found"),
            (409, "state"),
            (422, "invalid"),
            (200, "")
        ]
    );
    assert_eq!((&done["done"], &done["failed"]), (&json!(2), &json!(3)));
    assert_eq!(count(&house, "audit").await - before, 2);
    assert_eq!(count(&house, "audit WHERE action = 'user.update'").await, 3);
    let a = api.get("/users/a").await.is(200);
    assert_eq!(
        a["expires_at"], "2090-01-02T00:00:00Z",
        "once, though named twice"
    );
}

/// A4: who may not do it may not do it to any.
#[tokio::test(flavor = "multi_thread")]
async fn a4_without_the_scope_the_whole_is_refused() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    three(&local).await;
    let body = json!({"name": "t", "scopes": ["users:read", "devices:read", "secrets:read"]});
    let token = local.post("/tokens", body).await.is(201);
    let api = Api::remote(&house, token["secret"].as_str());
    let body = json!({"action": "suspend", "users": ["a"]});
    api.post("/users:batch", body)
        .await
        .refused(403, "forbidden");
    let body = json!({"action": "block", "devices": ["01990000-0000-7000-8000-000000000000"]});
    api.post("/devices:batch", body)
        .await
        .refused(403, "forbidden");
    assert_eq!(local.get("/users/a").await.is(200)["status"], "active");
}

/// P27: no sequence of reductions ever gives an unlimited quota.
#[tokio::test(flavor = "multi_thread")]
async fn p27_reductions_end_at_nothing() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    three(&api).await;
    for bytes in [-60, -60, -1, -(1_i64 << 62), 5, -6] {
        let body = json!({"action": "add_bytes", "bytes": bytes, "users": ["a"]});
        let done = api.post("/users:batch", body).await.is(200);
        let quota = done["items"][0]["user"]["quota"].as_i64().unwrap();
        assert!((0..=100).contains(&quota), "{quota}");
    }
    assert_eq!(api.get("/users/a").await.is(200)["status"], "limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_bounded_and_their_fields_named() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    three(&api).await;
    let many: Vec<String> = (0..1_001).map(|n| format!("{n}")).collect();
    for (body, field) in [
        (json!({}), "action"),
        (json!({"action": "explode", "users": ["a"]}), "action"),
        (json!({"action": "suspend"}), "users"),
        (json!({"action": "suspend", "users": many}), "users"),
        (
            json!({"action": "suspend", "users": ["a"], "days": 1}),
            "days",
        ),
        (json!({"action": "extend", "users": ["a"]}), "days"),
        (
            json!({"action": "extend", "users": ["a"], "days": 0}),
            "days",
        ),
        (
            json!({"action": "extend", "users": ["a"], "days": i64::MAX}),
            "days",
        ),
        (
            json!({"action": "add_bytes", "users": ["a"], "bytes": 0}),
            "bytes",
        ),
        (
            json!({"action": "add_bytes", "users": ["a"], "bytes": i64::MIN}),
            "bytes",
        ),
        (
            json!({"action": "set_group", "users": ["a"], "group": "nowhere"}),
            "group",
        ),
        (
            json!({"action": "create", "prefix": "p", "count": 0}),
            "count",
        ),
        (
            json!({"action": "create", "prefix": "p", "count": 1001}),
            "count",
        ),
        (
            json!({"action": "create", "prefix": "p", "count": 1, "first": u32::MAX}),
            "count",
        ),
        (json!({"action": "create", "count": 1}), "prefix"),
        (
            json!({"action": "create", "prefix": "p", "count": 1, "users": ["a"]}),
            "users",
        ),
        (
            json!({"action": "create", "prefix": "p", "count": 1, "like": {"name": "x"}}),
            "like.name",
        ),
        (
            json!({"action": "suspend", "users": ["a"], "role": "admin"}),
            "role",
        ),
    ] {
        api.post("/users:batch", body).await.wrong(&[field]);
    }
    for body in [
        json!({"action": "block", "devices": []}),
        json!({"action": "block"}),
        json!({"action": "block", "devices": ["x"]}),
    ] {
        api.post("/devices:batch", body)
            .await
            .refused(422, "invalid");
    }
    assert_eq!(api.all("/users", 10).await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_blocked_rotated_and_removed_together() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    three(&api).await;
    let mut ids = Vec::new();
    let mut secrets = Vec::new();
    for user in ["b", "a"] {
        let body = json!({"name": "phone"});
        let made = api
            .post(&format!("/users/{user}/devices"), body)
            .await
            .is(201);
        ids.push(made["id"].clone());
        secrets.push(made["secret"].clone());
    }
    let missing = json!("01990000-0000-7000-8000-000000000000");
    for (action, status) in [("block", "blocked"), ("unblock", "active")] {
        let body = json!({"action": action, "devices": [ids[0], missing, ids[1], ids[0]]});
        let done = api.post("/devices:batch", body).await.is(200);
        let items = done["items"].as_array().unwrap();
        let statuses: Vec<&Value> = items.iter().map(|i| &i["status"]).collect();
        assert_eq!(statuses, [200, 404, 200, 422], "{done}");
        assert_eq!(items[0]["device"]["status"], status);
        assert_eq!(items[2]["device"]["user"], "a");
    }
    let before = count(&house, "audit").await;
    let body = json!({"action": "rotate", "devices": ids});
    let mut dry = body.clone();
    dry["dry_run"] = json!(true);
    let would = api.post("/devices:batch", dry).await;
    assert!(
        !would.text.contains("hy1_") && !would.text.contains("hysteria2://"),
        "a secret that will never work: {}",
        would.text
    );
    let would = would.is(200);
    assert_eq!(
        (
            &would["done"],
            &would["items"][0]["device"]["credential_version"]
        ),
        (&json!(2), &json!(2)),
        "{would}"
    );
    let shown = |id: &Value| format!("/devices/{}", id.as_str().unwrap());
    assert_eq!(
        api.get(&shown(&ids[0])).await.is(200)["credential_version"],
        1
    );
    let done = api.post("/devices:batch", body).await.is(200);
    assert_eq!(count(&house, "audit").await - before, 2);
    for (item, old) in done["items"].as_array().unwrap().iter().zip(&secrets) {
        let new = &item["secret"]["secret"];
        assert!(new.as_str().unwrap().starts_with("hy1_") && new != old);
    }
    let body = json!({"action": "kick", "devices": ids});
    let done = api.post("/devices:batch", body).await.is(200);
    assert_eq!(done["items"][0]["connections"], 0);
    let body = json!({"action": "remove", "devices": ids});
    api.post("/devices:batch", body.clone()).await.is(200);
    assert_eq!(api.all("/devices", 10).await.len(), 0);
    let again = api.post("/devices:batch", body).await.is(200);
    assert_eq!(again["failed"], 2, "{again}");
}
