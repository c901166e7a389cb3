//! The last lines of the log.
use crate::{
    rest::secrets::listen_to_logs,
    support::{api::Api, house::House},
};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_found_by_request_and_level() {
    listen_to_logs();
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let answer = api
        .request(Method::GET, "/users/nobody-of-this-name")
        .send()
        .await
        .unwrap();
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let lines = api.all(&format!("/admin/logs?request_id={id}"), 1).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0]["line"];
    assert_eq!(
        (&line["status"], &line["route"], &line["level"]),
        (&json!(404), &json!("/api/v1/users/{user}"), &json!("info"))
    );
    assert!(
        !line.to_string().contains("nobody-of-this-name"),
        "the pattern, never the path"
    );
    assert_eq!(
        api.all(&format!("/logs/access?request_id={id}"), 10)
            .await
            .len(),
        1
    );
    assert_eq!(
        api.all(&format!("/logs/error?request_id={id}"), 10)
            .await
            .len(),
        0
    );
    assert_eq!(
        api.all(&format!("/admin/logs?request_id={id}&level=warn"), 10)
            .await
            .len(),
        0
    );
    assert_eq!(
        api.all(
            &format!("/admin/logs?request_id={id}&target=hywarden::api"),
            10
        )
        .await
        .len(),
        1
    );
    assert_eq!(
        api.all(
            &format!("/admin/logs?request_id={id}&target=hywarden::events"),
            10
        )
        .await
        .len(),
        0
    );
    api.get("/admin/logs?level=loud").await.wrong(&["level"]);
    api.get("/admin/logs?request_id=x")
        .await
        .wrong(&["request_id"]);
    tokio::time::timeout(Duration::from_secs(30), async {
        for path in ["/logs/events", "/admin/events", "/admin/quarantine"] {
            api.get(path).await.is(200);
        }
    })
    .await
    .unwrap();
}
