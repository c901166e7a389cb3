//! Which lines of the log belong to a request.
use super::secrets::listen_to_logs;
use crate::support::{api::Api, house::House};
use reqwest::Method;

/// Also those that are written deep below, where nobody knows of requests.
#[tokio::test(flavor = "multi_thread")]
async fn every_line_of_a_request_carries_its_id() {
    listen_to_logs();
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let answer = api.request(Method::POST, "/config/reload").send().await;
    let answer = answer.unwrap();
    assert_eq!(answer.status(), 200);
    let id = answer.headers()["x-request-id"].to_str().unwrap();
    let lines = api
        .all(&format!("/admin/logs?request_id={id}&level=info"), 10)
        .await;
    let targets: Vec<_> = lines
        .iter()
        .map(|line| line["line"]["target"].as_str().unwrap())
        .collect();
    assert_eq!(
        targets,
        ["hywarden::api", "hywarden::services::configuration"]
    );
}
