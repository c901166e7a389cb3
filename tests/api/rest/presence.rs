//! Every route that the design promises exists: `routes.txt` has them all.
use crate::support::{api::Api, house::House};
use reqwest::Client;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_promised_route_exists() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let token = api
        .post("/tokens", json!({"name": "t", "scopes": ["*"]}))
        .await
        .is(201);
    let http = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let (mut missing, mut seen) = (Vec::new(), 0);
    for line in include_str!("routes.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (route, later) = match line.strip_prefix("later ") {
            Some(route) => (route, true),
            None => (line, false),
        };
        let (method, path) = route.split_once(' ').unwrap();
        let path: String = path
            .split('/')
            .skip(1)
            .map(|part| match part {
                "{device}" => "/01990000-0000-7000-8000-000000000000".to_owned(),
                part if part.starts_with('{') => "/x".to_owned(),
                part => format!("/{part}"),
            })
            .collect();
        let answer = http
            .request(method.parse().unwrap(), format!("{}{path}", house.url()))
            .bearer_auth(token["secret"].as_str().unwrap())
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default();
        seen += 1;
        if later {
            assert_eq!(
                (status, &body["code"]),
                (501, &json!("not_built")),
                "{line}"
            );
        } else if body["code"] == "no_route" || status == 405 || status >= 500 {
            missing.push(format!("{line}: {status}"));
        }
    }
    assert!(seen > 130, "{seen}");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
