//! Every list of the document, and cursors that it never gave out (security check I7).
use crate::support::{api::Api, house::House};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

/// The lists that go on at a cursor, about objects that are there.
fn lists() -> Vec<String> {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let takes_cursor = |route: &Value| {
        let parameters = route["get"]["parameters"].as_array();
        parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "cursor"))
    };
    let of = |path: &String| {
        path.trim_start_matches("/api/v1")
            .replace("{user}", "sue")
            .replace("{node}", "fra1")
            .replace("{webhook}", "w")
    };
    let lists = paths.iter().filter(|(_, route)| takes_cursor(route));
    lists.map(|(path, _)| of(path)).collect()
}

/// What some list or other would take if it looked at the shape alone.
fn strange() -> Vec<Value> {
    let id = "01990000-0000-7000-8000-000000000000";
    let mut all = vec![
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(i32::MIN),
        json!(1e300),
        json!(id),
        json!("\u{0}"),
        json!("\u{10ffff}'\\u0000"),
        json!({"Id": id}),
        json!({"Name": "\u{0}"}),
        json!({"Name": "x"}),
        json!({"Name": ["x", id]}),
        json!({"Number": i64::MIN}),
    ];
    for at in [
        "-262143-01-01T00:00:00Z",
        "-100000-01-01T00:00:00Z",
        "0000-12-31T23:59:59Z",
        "+262142-12-31T23:59:59Z",
        "2026-01-01T00:00:00Z",
    ] {
        all.push(json!({"CreatedAt": [at, id]}));
        all.push(json!({"ExpiresAt": [at, id]}));
        all.push(json!([at, 7]));
        all.push(json!({"seen": "1:1:", "at": at, "within": null}));
    }
    for seen in [
        "x",
        "",
        "1",
        "1:1",
        "1:1::",
        "0:1:",
        "2:1:",
        "+1:+1:",
        "1:9:9",
        "1:9:3,2",
        "1:9:2,2",
        "5:9:2",
        "1:9:,",
        "1:18446744073709551615:",
        "18446744073709551615:18446744073709551615:",
        "9223372036854775807:9223372036854775807:",
        "1:9:2,3",
    ] {
        let at = "2026-01-01T00:00:00Z";
        all.push(json!({"seen": seen, "at": at, "within": null}));
        all.push(json!({"seen": "1:1:", "at": at, "within": [seen, i64::MAX]}));
    }
    all
}

/// I7: a cursor is one of the list or it is refused, on every list; none is a defect.
#[tokio::test(flavor = "multi_thread")]
async fn i7_no_cursor_is_too_strange() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    house.node("fra1", 9).await;
    let sue = house.person("sue", "superadmin").await;
    let hook = json!({"name": "w", "url": "https://hooks.example.net/w"});
    local.post("/webhooks", hook).await.is(201);
    let mut lists = lists();
    assert!(lists.len() >= 29, "{lists:?}");
    for sort in ["name", "created_at", "expires_at"] {
        lists.push(format!("/users?sort={sort}"));
    }
    lists.extend([
        "/users?group=default".to_owned(),
        "/devices?search=x".to_owned(),
    ]);
    let strange: Vec<String> = strange()
        .iter()
        .map(|it| BASE64_URL_SAFE_NO_PAD.encode(it.to_string()))
        .collect();
    for list in &lists {
        let join = if list.contains('?') { '&' } else { '?' };
        for limit in ["0", "101", "-1", "x"] {
            let query = format!("{list}{join}limit={limit}");
            sue.api.get(&query).await.wrong(&["limit"]);
        }
        for cursor in ["x", "e30", "W10", "AAAA", ""] {
            let query = format!("{list}{join}cursor={cursor}");
            sue.api.get(&query).await.wrong(&["cursor"]);
        }
        for cursor in &strange {
            let answer = sue.api.get(&format!("{list}{join}cursor={cursor}")).await;
            if answer.status != 200 {
                answer.wrong(&["cursor"]);
            }
        }
    }
}

/// I8: a span of time is one that the database can hold.
#[tokio::test(flavor = "multi_thread")]
async fn i8_no_time_is_too_far() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob"})).await.is(201);
    for path in [
        "/audit",
        "/admin/audit",
        "/traffic/users/bob",
        "/traffic/export",
    ] {
        for at in [
            "-262143-01-01T00:00:00Z",
            "-100000-01-01T00:00:00Z",
            "%2B262142-12-31T23:59:59Z",
        ] {
            for field in ["from", "to"] {
                let query = format!("{path}?{field}={at}");
                api.get(&query).await.wrong(&[field]);
            }
        }
    }
}
