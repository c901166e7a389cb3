use super::Held;
use crate::support::{api::Api, house::House};
use reqwest::Method;
use serde_json::json;

/// I4, C4: an answer that comes too late is told as every other is: it is counted, and browsers hear what they must.
#[tokio::test(flavor = "multi_thread")]
async fn i4_a_late_answer_is_told_as_every_other() {
    let settings = [
        ("server.request_timeout", "1s"),
        ("server.trusted_proxies", "127.0.0.0/8"),
        ("server.allowed_origins", "https://panel.example"),
    ];
    let house = House::start(&settings).await;
    let body = json!({"name": "t", "scopes": ["users:read"]});
    let made = Api::local(&house).post("/tokens", body).await.is(201);
    let api = Api::remote(&house, made["secret"].as_str());
    let held = Held::groups(&house).await;
    let late = api
        .request(Method::GET, "/groups")
        .header("origin", "https://panel.example")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "https");
    let late = late.send().await.unwrap();
    held.let_go().await;
    assert_eq!(late.status(), 503);
    let headers = late.headers().clone();
    for (name, value) in [
        ("access-control-allow-origin", "https://panel.example"),
        ("access-control-allow-credentials", "true"),
        ("strict-transport-security", "max-age=34560000"),
        ("x-content-type-options", "nosniff"),
        ("content-type", "application/problem+json"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let problem: serde_json::Value = late.json().await.unwrap();
    assert_eq!(problem["code"], "deadline");
    assert_eq!(
        problem["request_id"],
        headers["x-request-id"].to_str().unwrap()
    );
    let of = ["GET", "/api/v1/groups", "503"];
    let metrics = &house.parts().metrics;
    assert_eq!(metrics.http_requests.with_label_values(&of).get(), 1);
    let took = metrics.http_duration.with_label_values(&of[..2]);
    assert_eq!(took.get_sample_count(), 1);
}
