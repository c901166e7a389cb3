use crate::support::{api::Api, house::House};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_taken_change_nothing() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let raw = async |body: &'static str, headers: &[(&str, &str)]| {
        let mut request = api.request(Method::POST, "/users").body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        api.answer(body, request).await
    };
    const JSON: (&str, &str) = ("content-type", "application/json");
    raw("{\"name\":", &[JSON]).await.refused(400, "malformed");
    raw("{\"name\":\"x\"} x", &[JSON])
        .await
        .refused(400, "malformed");
    raw("\u{0}", &[JSON]).await.refused(400, "malformed");
    raw("[]", &[JSON]).await.refused(422, "invalid");
    raw("{\"name\":\"x\"}", &[])
        .await
        .refused(415, "content_type");
    for how in ["br", "gzip", "identity, gzip"] {
        raw("{\"name\":\"x\"}", &[JSON, ("content-encoding", how)])
            .await
            .refused(415, "content_encoding");
    }
    let long = json!({"name": "x", "note": "x".repeat(70_000)});
    api.post("/users", long.clone())
        .await
        .refused(413, "too_large");
    // without an announced length it is found out while reading
    let pieces: Vec<Result<String, std::io::Error>> = vec![Ok(long.to_string())];
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces));
    let request = api
        .request(Method::POST, "/users")
        .header(JSON.0, JSON.1)
        .body(stream);
    api.answer("chunked", request)
        .await
        .refused(413, "too_large");
    assert_eq!(
        api.all("/users", 100).await,
        [] as [Value; 0],
        "nothing half done"
    );
    raw(
        "{\"name\":\"x\"}",
        &[JSON, ("content-encoding", "identity")],
    )
    .await
    .is(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_field_is_named_and_nothing_is_changed() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let before = api.get("/users/bob").await.is(200);
    let long = "x".repeat(65);
    for (body, fields) in [
        (json!({}), vec!["name"]),
        (json!({"name": 7}), vec!["name"]),
        (json!({"name": ""}), vec!["name"]),
        (json!({"name": long}), vec!["name"]),
        (json!({"name": "a\u{202e}b"}), vec!["name"]),
        (json!({"name": "x", "quotta": 1}), vec!["quotta"]),
        (json!({"name": "x", "quota": -1}), vec!["quota"]),
        (json!({"name": "x", "quota": 1.5}), vec!["quota"]),
        (json!({"name": "x", "quota": 1_u64 << 63}), vec!["quota"]),
        (json!({"name": "x", "window": "fortnight"}), vec!["window"]),
        (
            json!({"name": "x", "expires_at": "tomorrow"}),
            vec!["expires_at"],
        ),
        (
            json!({"name": "x", "expires_at": "9999-01-01T00:00:00Z"}),
            vec!["expires_at"],
        ),
        (json!({"name": "x", "expires_in": 0}), vec!["expires_in"]),
        (
            json!({"name": "x", "expires_in": i64::MAX}),
            vec!["expires_in"],
        ),
        (
            json!({"name": "x", "on_hold": true, "expires_at": "2030-01-01T00:00:00Z"}),
            vec!["expires_at"],
        ),
        (json!({"name": "x", "groups": ["nowhere"]}), vec!["groups"]),
        (
            json!({"name": "", "quota": -1, "device_limit": -1}),
            vec!["name", "quota", "device_limit"],
        ),
    ] {
        api.post("/users", body).await.wrong(&fields);
    }
    for (body, field) in [
        (json!({"quota": -1, "note": "changed"}), "quota"),
        (json!({"id": "x"}), "id"),
        (json!({"used": 0}), "used"),
        (json!({"expires_at": null, "expires_in": 5}), "expires_in"),
    ] {
        api.patch("/users/bob", body).await.wrong(&[field]);
    }
    assert_eq!(api.get("/users/bob").await.is(200), before);
    assert_eq!(api.all("/users", 100).await.len(), 1);
    for (path, field) in [
        ("/users?limit=0", "limit"),
        ("/users?limit=101", "limit"),
        ("/users?limit=many", "limit"),
        ("/users?cursor=x", "cursor"),
        ("/users?colour=red", "colour"),
        ("/users?sort=used", "sort"),
        ("/users?status=odd", "status"),
        ("/devices?removed=perhaps", "removed"),
    ] {
        api.get(path).await.wrong(&[field]);
    }
    for body in [
        json!({"name": "d", "max_connections": 0}),
        json!({"name": "d", "max_connections": 1001}),
    ] {
        api.post("/users/bob/devices", body)
            .await
            .wrong(&["max_connections"]);
    }
    api.get("/devices/17").await.refused(404, "not_found");
    api.get("/nowhere").await.refused(404, "no_route");
}
