//! The committed document, and what it promises of every route.
use crate::support::{api::Api, house::House, written};
use hywarden::openapi;
use reqwest::Method;
use serde_json::Value;

#[test]
fn the_openapi_document_is_up_to_date() {
    written("docs/openapi.json", &openapi::json().unwrap(), "make api");
}

/// Every operation: method, path, and whether it is open to everybody.
fn operations() -> Vec<(Method, String, bool)> {
    let document: Value = serde_json::from_str(&openapi::json().unwrap()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut all = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            let open = operation["security"] == serde_json::json!([{}]);
            all.push((method, path.clone(), open));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_openapi_document_needs_its_scope() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    let token = local
        .post(
            "/tokens",
            serde_json::json!({"name": "narrow", "scopes": ["system:read"]}),
        )
        .await
        .is(201);
    let narrow = Api::remote(&house, token["secret"].as_str());
    let operations = operations();
    let open: Vec<&str> = operations
        .iter()
        .filter(|(.., open)| *open)
        .map(|(_, path, _)| path.as_str())
        .collect();
    assert_eq!(open, ["/livez", "/readyz"], "nothing else is open");
    assert!(operations.len() > 50);
    for (method, path, _) in operations.iter().filter(|(.., open)| !open) {
        let path = path.strip_prefix("/api/v1").unwrap();
        let path: String = path
            .split('/')
            .map(|part| match part {
                "{device}" | "{delivery}" => "/01990000-0000-7000-8000-000000000000".to_owned(),
                "{number}" => "/1".to_owned(),
                part if part.starts_with('{') => "/x".to_owned(),
                "" => String::new(),
                part => format!("/{part}"),
            })
            .collect();
        let what = format!("{method} {path}");
        let answer = nobody.send(method.clone(), &path, None).await;
        assert_eq!((answer.status, &what), (401, &what));
        let answer = narrow.send(method.clone(), &path, None).await;
        let expected = match path.as_str() {
            "/hysteria/status" | "/stats/system" => 200,
            // knows tickets and nothing else
            "/ws" => 401,
            _ => 403,
        };
        assert_eq!((answer.status, &what), (expected, &what));
    }
}
