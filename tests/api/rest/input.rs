//! Hostile input: a fixed, clear problem answer, never a failure of ours, nothing half done (security checks I3, I6, I12); below HTTP it goes on in `hostile`.
use crate::support::{api::Api, house::House};
use reqwest::Method;
use serde_json::{Value, json};

async fn raw(api: &Api, path: &str, body: impl Into<String>) -> (u16, Value) {
    let request = api
        .request(Method::POST, path)
        .header("content-type", "application/json")
        .body(body.into());
    let answer = api.answer(path, request).await;
    (answer.status, answer.body)
}

/// I3: deep nesting ends in 400 and no stack overflow; duplicate keys are refused.
#[tokio::test(flavor = "multi_thread")]
async fn i3_shapes_that_no_body_has() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for path in [
        "/users",
        "/users:batch",
        "/plans",
        "/nodes",
        "/devices:batch",
        "/groups",
    ] {
        for (open, count) in [("[", 60_000), ("{\"a\":", 12_000), ("{\"name\":[", 6_000)] {
            let (status, body) = raw(&api, path, open.repeat(count)).await;
            assert!(matches!(status, 400 | 422), "{path} {open} {body}");
        }
        let (status, body) = raw(&api, path, "{\"name\":\"a\",\"name\":\"b\"}").await;
        assert_eq!((status, &body["code"]), (422, &json!("invalid")), "{path}");
        for broken in [
            "",
            "null",
            "7",
            "\"x\"",
            "[]",
            "{",
            "\u{feff}{}",
            "{}{}",
            "{'a':1}",
            "{\"a\":1,}",
        ] {
            let (status, body) = raw(&api, path, broken).await;
            assert!(matches!(status, 400 | 422), "{path} {broken:?} {body}");
        }
    }
    assert_eq!(api.all("/users", 10).await.len(), 0);
}

/// I3, I12: what no database text and no log line should hold: refused wherever it may stand.
#[tokio::test(flavor = "multi_thread")]
async fn i12_the_null_character_is_refused_everywhere() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    for (path, body) in [
        ("/users", json!({"name": "x", "note": "a\u{0}b"})),
        ("/plans", json!({"name": "x", "note": "\u{0}"})),
        ("/groups", json!({"name": "\u{0}"})),
        (
            "/users:batch",
            json!({"action": "suspend", "users": ["\u{0}"]}),
        ),
        (
            "/users:batch",
            json!({"action": "set_group", "users": ["bob"], "group": "\u{0}"}),
        ),
        (
            "/users/bob/devices",
            json!({"name": "d", "kind": "bare", "secret": "\u{0}"}),
        ),
    ] {
        api.post(path, body).await.refused(400, "malformed");
    }
    // an escaped backslash is none
    api.post("/users", json!({"name": "y", "note": "\\u0000"}))
        .await
        .is(201);
    for path in [
        "/users/%00",
        "/users?search=%00",
        "/users?group=a%00",
        "/nodes/a%00b",
        "/groups/%00",
        "/plans/%00",
        "/devices?search=%00",
        "/stats/connections?user=%00",
    ] {
        api.get(path).await.refused(400, "malformed");
    }
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let cursor = BASE64_URL_SAFE_NO_PAD.encode(r#"{"Name":"\u0000"}"#);
    api.get(&format!("/users?sort=name&cursor={cursor}"))
        .await
        .wrong(&["cursor"]);
}

/// I6: names that try to be paths are names, and name nobody.
#[tokio::test(flavor = "multi_thread")]
async fn i6_paths_that_try_to_leave() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for name in [
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%2f..",
        "%5c..%5c",
        "%252e%252e",
        "a%2fb",
        "%ff%fe",
        "%F0%9F%92%A9",
        "%0d%0aSet-Cookie:x=1",
        "%3Cscript%3E",
        "'%20OR%201=1--",
        "%25s%25n",
        &"x".repeat(3_000),
    ] {
        for path in [
            "/users/",
            "/nodes/",
            "/groups/",
            "/plans/",
            "/devices/",
            "/servers/",
        ] {
            let answer = api.get(&format!("{path}{name}")).await;
            assert!(
                matches!(answer.status, 400 | 404),
                "{path}{name} {}",
                answer.text
            );
            assert!(!answer.text.contains("script"), "{}", answer.text);
        }
    }
}

/// P28, A2: what a caller may not set is refused by its name, on every body.
#[tokio::test(flavor = "multi_thread")]
async fn p28_no_body_takes_a_field_that_is_not_its_own() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let device = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    let device = format!("/devices/{}", device["id"].as_str().unwrap());
    house.node("fra1", 9).await;
    api.post("/plans", json!({"name": "gold"})).await.is(201);
    let profile = device.replace("/devices", "/hysteria/config/bob");
    let rotate = format!("{device}/rotate");
    let foreign = [
        "id",
        "number",
        "is_admin",
        "user_id",
        "balance",
        "used_total",
        "version",
        "standing",
        "created_at",
    ];
    for (method, path) in [
        (Method::POST, "/users"),
        (Method::PATCH, "/users/bob"),
        (Method::PUT, "/users/bob"),
        (Method::PUT, "/users/bob/quota"),
        (Method::PUT, "/users/bob/plan"),
        (Method::POST, "/users:batch"),
        (Method::POST, "/users/bob/devices"),
        (Method::PATCH, device.as_str()),
        (Method::PUT, device.as_str()),
        (Method::POST, rotate.as_str()),
        (Method::POST, "/devices:batch"),
        (Method::POST, "/nodes"),
        (Method::PATCH, "/nodes/fra1"),
        (Method::PUT, "/nodes/fra1"),
        (Method::PATCH, "/nodes/fra1/flags"),
        (Method::POST, "/nodes/fra1/rollback"),
        (Method::POST, "/nodes/fra1/config/validate"),
        (Method::POST, "/nodes/fra1/rotate-secret"),
        (Method::POST, "/groups"),
        (Method::POST, "/plans"),
        (Method::PATCH, "/plans/gold"),
        (Method::PUT, "/plans/gold"),
        (Method::POST, profile.as_str()),
        (Method::PUT, profile.as_str()),
    ] {
        for field in foreign {
            if path.ends_with("/rollback") && field == "version" {
                continue;
            }
            let answer = api
                .send(method.clone(), path, Some(json!({field: 1})))
                .await;
            let body = answer.refused(422, "invalid");
            assert_eq!(body["errors"][0]["field"], field, "{method} {path}");
        }
    }
}

/// C2: no GET changes anything but the audit of what it reveals.
#[tokio::test(flavor = "multi_thread")]
async fn c2_reads_change_nothing() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let device = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    let device = device["id"].as_str().unwrap();
    api.post("/plans", json!({"name": "gold"})).await.is(201);
    let node = json!({"name": "fra1", "address": "a.test:1", "stats_url": "http://127.0.0.1:9"});
    api.post("/nodes", node).await.is(201);
    let state = || {
        let dump = super::secrets::dump(&house.test.url);
        // what readers and jobs write beside us
        let ours = [
            "public.users",
            "public.devices",
            "public.credentials",
            "public.nodes ",
            "public.groups",
            "public.plans",
            "public.device_profiles",
            "public.node_configs",
            "public.changes",
        ];
        let tables = dump
            .split("\nCOPY ")
            .filter(|part| ours.iter().any(|name| part.starts_with(name)));
        tables.map(str::to_owned).collect::<Vec<_>>()
    };
    let before = state();
    for path in [
        "/users?total=true&status=expired",
        "/users/bob",
        "/users/bob/devices",
        "/users/bob/credentials",
        "/users/bob/audit",
        "/users/bob/explain",
        "/users/bob/traffic",
        "/users/bob/connections",
        "/devices?total=true",
        &format!("/devices/{device}"),
        &format!("/devices/{device}/qr?format=png"),
        &format!("/devices/{device}/uri"),
        &format!("/devices/{device}/config"),
        &format!("/hysteria/config/bob/{device}"),
        "/nodes",
        "/nodes/fra1/health",
        "/nodes/fra1/users",
        "/nodes/fra1/config",
        "/nodes/fra1/config/versions",
        "/nodes/fra1/config/diff?from=1&to=1",
        "/public/servers",
        "/groups",
        "/plans/gold",
    ] {
        let answer = api.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    assert_eq!(state(), before);
}
