use crate::support::{api::Api, clock::TurnedClock, database::database, house::House};
use chrono::{DateTime, TimeDelta, Utc};
use hywarden::{admission::Code, clock::Clock, models::UserNo};
use serde_json::{Value, json};
use std::sync::Arc;

async fn number(house: &House, name: &str) -> UserNo {
    let who = name.into();
    house.services().users.find(&who).await.unwrap().user.number
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_made_shown_changed_and_deleted() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let made = api
        .post(
            "/users",
            json!({"name": "Alice", "quota": 10_i64 << 30, "window": "month", "expires_in": 3600,
                   "device_limit": 3, "online_limit": 2, "note": "pays in cash"}),
        )
        .await
        .is(201);
    for (field, value) in [
        ("name", json!("Alice")),
        ("status", json!("active")),
        ("role", json!("user")),
        ("quota", json!(10_i64 << 30)),
        ("window", json!("month")),
        ("used", json!(0)),
        ("used_total", json!(0)),
        ("device_limit", json!(3)),
        ("online_limit", json!(2)),
        ("on_hold", json!(false)),
        ("groups", json!(["default"])),
        ("activated_at", Value::Null),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let expires: DateTime<Utc> = made["expires_at"].as_str().unwrap().parse().unwrap();
    let created: DateTime<Utc> = made["created_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires - created, TimeDelta::hours(1));

    // by id, by name, by a name that looks the same
    let id = made["id"].as_str().unwrap();
    for path in [id, "alice", "ALICE", "%EF%BC%A1lice"] {
        assert_eq!(api.get(&format!("/users/{path}")).await.is(200), made);
    }
    api.get("/users/nobody").await.refused(404, "not_found");
    api.post("/users", json!({"name": "aLICE"}))
        .await
        .refused(409, "duplicate");

    let changed = api
        .patch(
            "/users/alice",
            json!({"quota": null, "device_limit": null, "expires_at": null, "name": "alicia"}),
        )
        .await
        .is(200);
    assert_eq!(
        (&changed["quota"], &changed["expires_at"], &changed["name"]),
        (&Value::Null, &Value::Null, &json!("alicia"))
    );
    assert_eq!(
        (&changed["online_limit"], &changed["note"]),
        (&json!(2), &json!("pays in cash")),
        "what is absent stays"
    );

    let suspended = api.post("/users/alicia/suspend", json!({})).await.is(200);
    assert_eq!(suspended["status"], "suspended");
    let number = number(&house, "alicia").await;
    let directory = &house.parts().directory;
    let refused = || directory.user(number).unwrap().suspended;
    assert!(refused(), "the answer means: from now on");
    let active = api.post("/users/alicia/activate", json!({})).await.is(200);
    assert_eq!(active["status"], "active");
    assert!(!refused());

    let deleted = api.delete("/users/alicia").await.is(200);
    assert_eq!(deleted["status"], "deleted");
    assert!(refused());
    api.delete("/users/alicia").await.refused(409, "state");
    assert_eq!(api.all("/users", 100).await, [] as [Value; 0]);
    assert_eq!(api.all("/users?status=deleted", 100).await.len(), 1);
    let restored = api.post("/users/alicia/activate", json!({})).await.is(200);
    assert_eq!(restored["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_user_leaves_its_sums_and_nothing_personal() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let made = api
        .post(
            "/users",
            json!({"name": "Marker-Name", "note": "Marker-Note"}),
        )
        .await
        .is(201);
    let id = made["id"].as_str().unwrap();
    let device = api
        .post(
            "/users/marker-name/devices",
            json!({"name": "Marker-Phone"}),
        )
        .await
        .is(201);
    let number = number(&house, "marker-name").await;
    house
        .test
        .execute(&format!(
            "INSERT INTO usage_totals SELECT {n}, number, 1, 5, 7 FROM devices;
             INSERT INTO connections (id, node_no, user_no, device_no, credential_version, generation, client_addr)
             SELECT 'x', 1, {n}, number, 1, 1, '192.0.2.77' FROM devices",
            n = number.0
        ))
        .await;
    assert_eq!(api.delete("/users/marker-name?hard=true").await.status, 204);
    api.get("/users/marker-name")
        .await
        .refused(404, "not_found");
    api.get(&format!("/users/{id}"))
        .await
        .refused(404, "not_found");
    let gone = api
        .get(&format!("/devices/{}", device["id"].as_str().unwrap()))
        .await
        .is(200);
    assert_eq!(
        (&gone["status"], &gone["name"]),
        (&json!("removed"), &json!(""))
    );
    let traffic = api.get(&format!("/traffic/users/{id}")).await.is(200);
    assert_eq!((&traffic["tx"], &traffic["rx"]), (&json!(5), &json!(7)));
    assert!(house.parts().directory.user(number).unwrap().suspended);
    let dump = crate::rest::secrets::dump(&house.test.url);
    for personal in ["marker", "192.0.2.77"] {
        assert!(
            !dump.to_lowercase().contains(personal),
            "{personal} is still in the database"
        );
    }
    api.post("/users", json!({"name": "marker-name"}))
        .await
        .is(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_on_hold_starts_its_clock_once() {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let house = House::on(database().await, clock.clone(), &[]).await;
    let api = Api::local(&house);
    let made = api
        .post(
            "/users",
            json!({"name": "h", "on_hold": true, "expires_in": 60}),
        )
        .await
        .is(201);
    assert_eq!(
        (&made["status"], &made["expires_at"], &made["valid_for"]),
        (&json!("on_hold"), &Value::Null, &json!(60))
    );
    api.patch("/users/h", json!({"expires_at": "2031-01-01T00:00:00Z"}))
        .await
        .wrong(&["expires_at"]);
    let held = api
        .patch("/users/h", json!({"expires_in": 90}))
        .await
        .is(200);
    assert_eq!(held["valid_for"], 90);
    clock.turn(TimeDelta::days(1));
    let active = api
        .patch("/users/h", json!({"on_hold": false}))
        .await
        .is(200);
    assert_eq!(
        (&active["status"], &active["expires_at"]),
        (&json!("active"), &json!("2030-01-02T00:01:30Z"))
    );
    api.patch("/users/h", json!({"on_hold": true}))
        .await
        .refused(409, "state");
    clock.turn(TimeDelta::seconds(90));
    let expired = api.get("/users/h").await.is(200);
    assert_eq!(expired["status"], "expired", "at the instant");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_moves_the_baseline_and_no_counter() {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let house = House::on(database().await, clock.clone(), &[]).await;
    let api = Api::local(&house);
    api.post(
        "/users",
        json!({"name": "r", "quota": 100, "window": "rolling-30"}),
    )
    .await
    .is(201);
    let number = number(&house, "r").await;
    // the second step has not summed the last 20 bytes yet
    house
        .test
        .execute(&format!(
            "INSERT INTO usage_totals VALUES ({n}, 1, 1, 60, 40), ({n}, 1, 2, 10, 10);
             UPDATE users SET used_total = 100, used = 100, warned_percent = 95 WHERE number = {n}",
            n = number.0
        ))
        .await;
    assert_eq!(api.get("/users/r").await.is(200)["status"], "limited");
    clock.turn(TimeDelta::hours(5));
    let reset = api.post("/users/r/reset-data", json!({})).await.is(200);
    for (field, value) in [
        ("status", json!("active")),
        ("used", json!(0)),
        ("used_total", json!(120)),
        ("window_started_at", json!("2030-01-01T05:00:00Z")),
    ] {
        assert_eq!(reset[field], value, "{field}");
    }
    // a quota that makes thresholds lie ahead again tells them again
    house
        .test
        .execute("UPDATE users SET warned_percent = 80, used = 90")
        .await;
    api.patch("/users/r", json!({"quota": 1000})).await.is(200);
    let who = "r".into();
    let user = house.services().users.find(&who).await.unwrap().user;
    assert_eq!((user.warned_percent, user.window_baseline), (0, 120));
    assert_eq!(user.window_anchor, Some(clock.now()));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_everybody_once_in_every_order() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    // names whose order is not that of their making; some never expire, many at the same instant
    house
        .test
        .execute(
            "INSERT INTO users (id, name, window_started_at, created_at, updated_at, expires_at, quota, used, suspended_at)
             SELECT gen_random_uuid(), md5(n::text), now(), now() - n % 7 * interval '1 day', now(),
                CASE WHEN n % 3 = 0 THEN NULL ELSE now() + n % 5 * interval '1 day' + interval '1 hour' END,
                CASE WHEN n % 10 = 1 THEN 5 END, CASE WHEN n % 20 = 1 THEN 5 ELSE 1 END,
                CASE WHEN n % 50 = 2 THEN now() END
             FROM generate_series(1, 250) n",
        )
        .await;
    let column = |items: &[Value], field: &str| -> Vec<String> {
        items.iter().map(|u| u[field].to_string()).collect()
    };
    for (query, field, count) in [
        ("", "id", 250),
        ("?sort=name", "name", 250),
        ("?sort=created_at", "created_at", 250),
        ("?sort=expires_at", "expires_at", 167),
    ] {
        let items = api.all(&format!("/users{query}"), 33).await;
        assert_eq!(items.len(), count, "{query}");
        assert!(column(&items, field).is_sorted(), "{query}");
        let mut ids = column(&items, "id");
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "{query}");
    }
    let found = api.all("/users?search=A", 10).await;
    assert!(!found.is_empty());
    assert!(
        found
            .iter()
            .all(|u| u["name"].as_str().unwrap().starts_with('a'))
    );
    // the computed status and the one that is searched for are the same rule
    let mut sum = 0;
    for status in ["active", "suspended", "expired", "limited", "on_hold"] {
        let items = api.all(&format!("/users?status={status}"), 100).await;
        assert!(items.iter().all(|u| u["status"] == status), "{status}");
        sum += items.len();
    }
    assert_eq!(sum, 250);
    let page = api.get("/users?sort=name&limit=1").await.is(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    api.get(&format!("/users?sort=id&cursor={cursor}"))
        .await
        .wrong(&["cursor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_explained() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let node = house.node("fra1", 9).await;
    let who = crate::support::house::user("bob");
    let made = house
        .device(who, crate::support::house::device("phone"))
        .await;
    api.post("/users/bob/suspend", json!({})).await.is(200);
    use secrecy::ExposeSecret;
    let http = reqwest::Client::new();
    for secret in [made.secret.expose_secret(), "guess"] {
        let answer = http
            .post(node.config.hook_url.expose_secret())
            .json(&json!({"addr": "192.0.2.1:4", "auth": secret, "tx": 0}))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    let explained = api.get("/users/bob/explain").await.is(200);
    let refusal = &explained["refusals"][0];
    assert_eq!(
        (&explained["user"], &explained["status"]),
        (&json!("bob"), &json!("suspended"))
    );
    assert_eq!(refusal["code"], Code::UserSuspended.as_str());
    assert_eq!(
        (&refusal["node"], &refusal["device"], &refusal["addr"]),
        (&json!("fra1"), &json!("phone"), &json!("192.0.2.1"))
    );
    let unknown = api.get("/decisions?unknown=true").await.is(200);
    assert_eq!(unknown["items"][0]["code"], "unknown_credential");
    assert_eq!(unknown["items"][0]["credential"].as_str().unwrap().len(), 8);
    let his = api.get("/decisions?user=bob").await.is(200);
    assert_eq!(his["items"].as_array().unwrap().len(), 1);
    api.get("/decisions").await.wrong(&["user"]);
}

/// What a refusal advises is taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_a_date_is_put_on_hold_as_the_refusal_says() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for (name, with, valid_for) in [
        (
            "a",
            json!({"on_hold": true, "expires_in": 3600}),
            json!(3600),
        ),
        (
            "b",
            json!({"on_hold": true, "expires_at": null}),
            Value::Null,
        ),
    ] {
        let dated = json!({"name": name, "expires_at": "2090-01-01T00:00:00Z"});
        api.post("/users", dated).await.is(201);
        let path = format!("/users/{name}");
        let hold = json!({"on_hold": true});
        let refused = api.patch(&path, hold).await.wrong(&["on_hold"]);
        let advice = refused["errors"][0]["message"].as_str().unwrap();
        assert!(advice.contains("expires_at null or expires_in"), "{advice}");
        let held = api.patch(&path, with).await.is(200);
        assert_eq!(
            (&held["status"], &held["expires_at"], &held["valid_for"]),
            (&json!("on_hold"), &Value::Null, &valid_for)
        );
    }
}
