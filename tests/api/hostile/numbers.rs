use crate::support::{api::Api, house::House};
use hywarden::openapi;
use reqwest::Method;
use serde_json::{Value, json};

/// Each numeric field of each body, as the document has it: method, path, field, its smallest value.
fn numbers(document: &Value) -> Vec<(Method, String, String, Option<i64>)> {
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let Some(at) = operation.pointer("/requestBody/content/application~1json/schema/$ref")
            else {
                continue;
            };
            let schema = document
                .pointer(at.as_str().unwrap().trim_start_matches('#'))
                .unwrap();
            for (name, field) in schema["properties"].as_object().into_iter().flatten() {
                let kind = &field["type"];
                let is_number = |word: &Value| word == "integer" || word == "number";
                if is_number(kind)
                    || kind
                        .as_array()
                        .is_some_and(|kinds| kinds.iter().any(is_number))
                {
                    let method = method.to_uppercase().parse().unwrap();
                    all.push((
                        method,
                        path.clone(),
                        name.clone(),
                        field["minimum"].as_i64(),
                    ));
                }
            }
        }
    }
    all
}

/// I3: NaN, 1e999, u64::MAX, −1, "1", 1.5 and 2^53+1 in every numeric field that the document names.
#[tokio::test(flavor = "multi_thread")]
async fn i3_every_number_in_the_document() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let document: Value = serde_json::from_str(&openapi::json().unwrap()).unwrap();
    let fields = numbers(&document);
    assert!(fields.len() > 30, "{fields:?}");
    for (method, path, field, smallest) in fields {
        let path = path.strip_prefix("/api/v1").unwrap();
        let path: String = path
            .split('/')
            .skip(1)
            .map(|part| match part {
                "{device}" => "/01990000-0000-7000-8000-000000000000".to_owned(),
                part if part.starts_with('{') => "/nobody".to_owned(),
                part => format!("/{part}"),
            })
            .collect();
        let ask = async |value: &str| {
            let request = api
                .request(method.clone(), &path)
                .header("content-type", "application/json")
                .body(format!("{{\"{field}\":{value}}}"));
            api.answer(&format!("{method} {path} {field}={value}"), request)
                .await
        };
        for value in ["NaN", "-Infinity", "1e999", "0x10", "01", "1.", "+1"] {
            ask(value).await.refused(400, "malformed");
        }
        for value in [
            "18446744073709551615",
            "18446744073709551616",
            "\"1\"",
            "1.5",
            "[1]",
            "{}",
            "true",
        ] {
            let body = ask(value).await.refused(422, "invalid");
            assert_eq!(
                body["errors"][0]["field"], field,
                "{method} {path} {value}: {body}"
            );
        }
        // a number of its kind is refused by what it means, or by the rest of the body; or it is taken
        for value in [
            "-1",
            "9007199254740993",
            "-9223372036854775808",
            "9223372036854775807",
        ] {
            let answer = ask(value).await;
            assert!(
                answer.status < 500,
                "{method} {path} {field}={value}: {}",
                answer.text
            );
            let is_low = value.starts_with('-') && smallest >= Some(0);
            assert!(
                !is_low || answer.status >= 400,
                "{method} {path} {field}={value}: {}",
                answer.text
            );
        }
    }
    api.post(
        "/users",
        json!({"name": "exact", "quota": (1_i64 << 53) + 1}),
    )
    .await
    .is(201);
    assert_eq!(
        api.get("/users/exact").await.is(200)["quota"],
        (1_i64 << 53) + 1
    );
}
