//! `/docs`: off unless asked for; then all of it comes from here (T5, C4).
use crate::support::house::House;
use reqwest::{Client, redirect::Policy};
use serde_json::Value;
use std::path::Path;
use tokio::process::Command;

fn http() -> Client {
    Client::builder().redirect(Policy::none()).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn t5_nothing_is_there_unless_asked_for() {
    let house = House::start(&[]).await;
    for path in [
        "/docs",
        "/docs/",
        "/docs/index.html",
        "/docs/openapi.json",
        "/docs/swagger-ui.css",
    ] {
        let answer = http()
            .get(format!("{}{path}", house.url()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["code"], "no_route", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_comes_from_here() {
    let house = House::start(&[("server.docs", "true")]).await;
    let begin = http()
        .get(format!("{}/docs", house.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(
        (begin.status().as_u16(), &begin.headers()["location"]),
        (308, &"/docs/".parse().unwrap())
    );
    let get = async |path: &str| {
        let answer = http()
            .get(format!("{}/docs/{path}", house.url()))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        answer.text().await.unwrap()
    };
    let index = get("").await;
    let mut asked_for = 0;
    for (at, _) in index.match_indices("=\"./") {
        let rest = &index[at + 4..];
        get(&rest[..rest.find('"').unwrap()]).await;
        asked_for += 1;
    }
    assert!(asked_for >= 4, "{index}");
    for file in ["", "swagger-ui.css", "index.css", "swagger-initializer.js"] {
        let text = get(file).await;
        let foreign = [
            "src=\"http",
            "href=\"http",
            "url(http",
            "url(\"http",
            "url: \"http",
            "//unpkg",
            "//cdn",
        ];
        let found = foreign.iter().find(|word| text.contains(**word));
        assert_eq!(found, None, "{file}");
        assert!(!file.is_empty() || !text.contains("<script>"), "{text}");
    }
    let served: Value = serde_json::from_str(&get("openapi.json").await).unwrap();
    let ours: Value = serde_json::from_str(&hywarden::openapi::json().unwrap()).unwrap();
    assert_eq!(served, ours);
    let missing = http()
        .get(format!("{}/docs/nothing.js", house.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), 404);
}

/// In a real browser: it shows every route, breaks no rule of its policy, and asks nobody else for anything.
#[tokio::test(flavor = "multi_thread")]
async fn c4_a_browser_shows_it_by_its_own_rules() {
    let house = House::start(&[("server.docs", "true")]).await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/docs.mjs");
    let mut node = Command::new("node");
    node.arg(script).arg(house.url()).kill_on_drop(true);
    let done = node.output().await.unwrap();
    let why = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{why}");
    let shown: usize = String::from_utf8_lossy(&done.stdout)
        .trim()
        .parse()
        .unwrap();
    let document: Value = serde_json::from_str(&hywarden::openapi::json().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap().values();
    let routes = paths.map(|methods| methods.as_object().unwrap().len());
    assert_eq!(shown, routes.sum::<usize>());
}
