//! A change that was thought out on an older version is refused (ASVS 2.3.4: no lost updates).
use crate::support::{api::Api, house::House};
use reqwest::Method;
use serde_json::{Value, json};

async fn change(api: &Api, method: Method, path: &str, tag: &str, body: Value) -> (u16, Value) {
    let request = api
        .request(method, path)
        .header("if-match", tag)
        .json(&body);
    let answer = api.answer(path, request).await;
    (answer.status, answer.body)
}

async fn tag_of(api: &Api, path: &str) -> String {
    let answer = api.request(Method::GET, path).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{path}");
    answer.headers()["etag"].to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_is_refused_and_nothing_is_changed() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let device = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    house.node("fra1", 9).await;
    api.post("/plans", json!({"name": "gold"})).await.is(201);
    let device = format!("/devices/{}", device["id"].as_str().unwrap());
    let profile = format!("/hysteria/config/bob{}", device.replace("/devices", ""));
    for (path, method, field, values) in [
        ("/users/bob", Method::PATCH, "note", ["a", "b"]),
        ("/users/bob", Method::PUT, "note", ["c", "d"]),
        (device.as_str(), Method::PATCH, "name", ["a", "b"]),
        (device.as_str(), Method::PUT, "name", ["c", "d"]),
        (
            "/nodes/fra1",
            Method::PATCH,
            "address",
            ["a.test:1", "b.test:1"],
        ),
        (
            "/nodes/fra1",
            Method::PUT,
            "address",
            ["c.test:1", "d.test:1"],
        ),
        ("/plans/gold", Method::PATCH, "note", ["a", "b"]),
        (
            profile.as_str(),
            Method::PUT,
            "listen",
            ["127.0.0.1:1", "127.0.0.1:2"],
        ),
    ] {
        let first = tag_of(&api, path).await;
        let body = |value: &str| json!({ field: value });
        let changed = change(&api, method.clone(), path, &first, body(values[0])).await;
        assert_eq!(
            (changed.0, &changed.1[field]),
            (200, &json!(values[0])),
            "{path}"
        );
        let second = tag_of(&api, path).await;
        assert_ne!(first, second, "{path}");
        assert_eq!(second, format!("\"{}\"", changed.1["version"]), "{path}");
        for stale in [
            first.as_str(),
            &format!("W/{second}"),
            "\"x\"",
            "nonsense",
            "\"\"",
        ] {
            let refused = change(&api, method.clone(), path, stale, body(values[1])).await;
            assert_eq!(
                (refused.0, refused.1["code"].as_str()),
                (412, Some("changed")),
                "{path} {stale}"
            );
        }
        assert_eq!(tag_of(&api, path).await, second, "nothing was changed");
        for fine in [format!("{first}, {second}"), "*".to_owned()] {
            let tag = if fine == "*" {
                fine
            } else {
                format!("{first}, {}", tag_of(&api, path).await)
            };
            let changed = change(&api, method.clone(), path, &tag, body(values[1])).await;
            assert_eq!(changed.0, 200, "{path} {tag}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counted_bytes_are_no_change_of_people() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let before = tag_of(&api, "/users/bob").await;
    house
        .test
        .execute("UPDATE users SET used = 5, used_total = 5")
        .await;
    assert_eq!(tag_of(&api, "/users/bob").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_saw_the_same_version_one_changes_it() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let tag = tag_of(&api, "/users/bob").await;
    let all = (0..20).map(|n| {
        let body = json!({"note": format!("{n}")});
        change(&api, Method::PATCH, "/users/bob", &tag, body)
    });
    let answers = futures_util::future::join_all(all).await;
    let count = |status| answers.iter().filter(|(s, _)| *s == status).count();
    assert_eq!((count(200), count(412)), (1, 19));
}
