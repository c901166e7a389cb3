//! Lists: pages, orders, filters, fields, totals (security checks I7, I8).
use crate::support::{api::Api, clock::TurnedClock, database::database, house::House};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::sync::Arc;

async fn filled() -> (House, Api, Arc<TurnedClock>) {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let house = House::on(database().await, clock.clone(), &[]).await;
    let api = Api::local(&house);
    house
        .test
        .execute(
            "INSERT INTO users (id, name, window_started_at, created_at, updated_at, expires_at, quota, used, suspended_at,
                deleted_at, on_hold)
             SELECT gen_random_uuid(), md5(n::text), now(), '2030-01-01'::timestamptz - n % 7 * interval '1 day', now(),
                CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '2030-01-01'::timestamptz + n * interval '1 minute'
                    ELSE '2029-06-01'::timestamptz + n * interval '1 day' END,
                CASE WHEN n % 10 < 2 THEN 5 END, CASE WHEN n % 10 = 1 THEN 5 ELSE 1 END,
                CASE WHEN n % 50 = 2 THEN now() END, CASE WHEN n % 60 = 3 THEN now() END, n % 12 = 4
             FROM generate_series(1, 360) n;
             INSERT INTO group_users SELECT 1, number FROM users WHERE number % 3 = 0",
        )
        .await;
    (house, api, clock)
}

const STATUSES: [&str; 6] = [
    "deleted",
    "suspended",
    "expired",
    "limited",
    "on_hold",
    "active",
];

async fn check_all(api: &Api, when: &str) {
    let all = api.all("/users", 100).await;
    let deleted = api.all("/users?status=deleted", 100).await;
    assert_eq!(all.len() + deleted.len(), 360, "{when}");
    for status in STATUSES {
        let wanted: Vec<&Value> = all
            .iter()
            .chain(&deleted)
            .filter(|u| u["status"] == status)
            .collect();
        for sort in ["id", "name", "created_at", "expires_at"] {
            let listed = api
                .all(&format!("/users?status={status}&sort={sort}"), 7)
                .await;
            let expected = wanted
                .iter()
                .filter(|u| sort != "expires_at" || !u["expires_at"].is_null())
                .count();
            assert_eq!(listed.len(), expected, "{when} {status} {sort}");
            assert!(
                listed.iter().all(|u| u["status"] == status),
                "{when} {status}"
            );
            let keys: Vec<String> = listed.iter().map(|u| u[sort].to_string()).collect();
            assert!(keys.is_sorted(), "{when} {status} {sort}");
        }
        let query = format!("/users?status={status}&total=true&limit=1");
        let page = api.get(&query).await.is(200);
        assert_eq!(page["total"], wanted.len(), "{when} {status}");
        let members = api
            .all(&format!("/users?status={status}&group=default"), 5)
            .await;
        let expected = wanted.iter().filter(|u| u["groups"] == json!(["default"]));
        assert_eq!(
            members.len(),
            expected.count(),
            "{when} {status} of a group"
        );
    }
}

/// I8: every status in every order is what the status of each says, before a sweep noted who expired, after it, and
/// after a clock that ran ahead was set right.
#[tokio::test(flavor = "multi_thread")]
async fn i8_a_status_is_listed_as_it_is_shown() {
    let (house, api, clock) = filled().await;
    let overdue = &house.services().overdue;
    check_all(&api, "at first").await;
    while overdue.lapse().await.unwrap() > 0 {}
    check_all(&api, "noted").await;
    clock.turn(TimeDelta::hours(3));
    check_all(&api, "later").await;
    while overdue.lapse().await.unwrap() > 0 {}
    clock.turn(TimeDelta::hours(-2));
    while overdue.lapse().await.unwrap() > 0 {}
    check_all(&api, "set back").await;
    // somebody who is given more time is not listed as expired any more
    let late = api.get("/users?status=expired&limit=1").await.is(200);
    let path = format!("/users/{}", late["items"][0]["id"].as_str().unwrap());
    let given = api
        .patch(&path, json!({"expires_at": "2031-01-01T00:00:00Z"}))
        .await
        .is(200);
    assert_ne!(given["status"], "expired");
    check_all(&api, "given time").await;
}

/// I7: limit ≤ 100, an opaque cursor of its own list, `total` only on request and capped; `fields` from a fixed list.
#[tokio::test(flavor = "multi_thread")]
async fn i7_pages_are_bounded() {
    let (house, api, _) = filled().await;
    for path in [
        "/users", "/devices", "/nodes", "/groups", "/plans", "/tokens",
    ] {
        for limit in ["0", "101", "-1", "x", "18446744073709551616"] {
            let query = format!("{path}?limit={limit}");
            api.get(&query).await.wrong(&["limit"]);
        }
        for cursor in ["x", "e30", "W10", "AAAA"] {
            let query = format!("{path}?cursor={cursor}");
            api.get(&query).await.wrong(&["cursor"]);
        }
    }
    let page = api.get("/users?limit=2").await.is(200);
    assert_eq!(page.get("total"), None, "only on request");
    let page = api.get("/users?limit=2&total=true").await.is(200);
    assert_eq!(page["total"], 354);
    let page = api
        .get("/users?limit=3&fields=name,%20id,status")
        .await
        .is(200);
    for item in page["items"].as_array().unwrap() {
        let mut keys: Vec<&String> = item.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, ["id", "name", "status"]);
    }
    assert!(page["next_cursor"].is_string());
    for fields in ["password", "id,,name", "", "name_skeleton"] {
        let query = format!("/users?fields={fields}");
        api.get(&query).await.wrong(&["fields"]);
    }
    // what can be asked for is what is shown
    let user = api.get("/users?limit=1").await.is(200)["items"][0].clone();
    let keys: Vec<String> = user.as_object().unwrap().keys().cloned().collect();
    let query = format!("/users?limit=1&fields={}", keys.join(","));
    assert_eq!(api.get(&query).await.is(200)["items"][0], user);
    house
        .test
        .execute(
            "INSERT INTO users (id, name, window_started_at, created_at, updated_at)
             SELECT gen_random_uuid(), 'x' || n, now(), now(), now() FROM generate_series(1, 10000) n",
        )
        .await;
    let page = api.get("/users?limit=1&total=true").await.is(200);
    assert_eq!(page["total"], 10_000, "that many or more");
    let page = api
        .get("/users?limit=1&total=true&search=X99")
        .await
        .is(200);
    assert_eq!(page["total"], 111);
}

/// I8: what is searched for is taken as it is: wildcards mean themselves.
#[tokio::test(flavor = "multi_thread")]
async fn i8_wildcards_mean_themselves() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for name in ["100%", "100_", "100x", "a'b", "a\\b", "[a]"] {
        api.post("/users", json!({"name": name})).await.is(201);
    }
    for (search, found) in [
        ("100%25", vec!["100%"]),
        ("100_", vec!["100_"]),
        ("%25", vec![]),
        ("_", vec![]),
        ("a'", vec!["a'b"]),
        ("a%5C", vec!["a\\b"]),
        ("%5Ba", vec!["[a]"]),
        ("a%27%20OR%20%27%27%3D%27", vec![]),
    ] {
        let listed = api.all(&format!("/users?search={search}"), 10).await;
        let names: Vec<&str> = listed.iter().map(|u| u["name"].as_str().unwrap()).collect();
        assert_eq!(names, found, "{search}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_listed_by_status_and_name() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house
        .test
        .execute(
            "INSERT INTO users (id, name, window_started_at, created_at, updated_at)
             SELECT gen_random_uuid(), 'u' || n, now(), now(), now() FROM generate_series(1, 2) n;
             INSERT INTO devices (id, user_no, name, blocked_at, removed_at, created_at, updated_at)
             SELECT gen_random_uuid(), 1 + n % 2, CASE n % 3 WHEN 0 THEN 'Phone' ELSE 'tab' END || n,
                CASE WHEN n % 5 = 0 THEN now() END, CASE WHEN n % 7 = 0 THEN now() END, now(), now()
             FROM generate_series(1, 105) n",
        )
        .await;
    for (query, count) in [
        ("", 90),
        ("?removed=true", 105),
        ("?status=active", 72),
        ("?status=blocked", 18),
        ("?status=removed", 15),
        ("?search=phone", 30),
        ("?search=PHONE&status=removed", 5),
    ] {
        let listed = api.all(&format!("/devices{query}"), 13).await;
        assert_eq!(listed.len(), count, "{query}");
        let join = if query.is_empty() { "?" } else { "&" };
        let page = api
            .get(&format!(
                "/devices{query}{join}total=true&limit=1&fields=id"
            ))
            .await
            .is(200);
        assert_eq!(page["total"], count, "{query}");
    }
    let names: Vec<String> = api
        .all("/devices?search=t", 7)
        .await
        .iter()
        .map(|d| d["name"].as_str().unwrap().to_lowercase())
        .collect();
    assert!(names.is_sorted());
    let theirs = api.all("/users/u1/devices?status=active", 10).await;
    assert!(
        theirs
            .iter()
            .all(|d| d["user"] == "u1" && d["status"] == "active")
    );
    let page = api.get("/devices?search=t&limit=1").await.is(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    api.get(&format!("/devices?cursor={cursor}"))
        .await
        .wrong(&["cursor"]);
}
