use crate::{
    matrix::{path, routes},
    support::{api::Api, house::House},
};
use reqwest::Method;
use serde_json::{Value, json};

/// What may be done while no changes are taken.
const GOES_ON: &[&str] = &[
    "POST /api/v1/admin/maintenance",
    "POST /api/v1/admin/audit/verify",
    "POST /api/v1/auth/login",
    "POST /api/v1/auth/login/code",
    "POST /api/v1/auth/refresh",
    "POST /api/v1/auth/logout",
    "POST /api/v1/auth/confirm",
    "DELETE /api/v1/auth/sessions",
    "DELETE /api/v1/auth/sessions/{session}",
    "DELETE /api/v1/users/{user}/sessions",
    "DELETE /api/v1/users/{user}/sessions/{session}",
    "POST /api/v1/ws-ticket",
    "POST /token",
];

/// Every route that changes something is refused, but for those by which people come, go and end it.
#[tokio::test(flavor = "multi_thread")]
async fn no_route_takes_a_change() {
    let house = House::start(&[]).await;
    let on = json!({"enabled": true});
    let local = Api::local(&house);
    local.post("/admin/maintenance", on).await.is(200);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for route in routes() {
        let method: Method = route.split_once(' ').unwrap().0.parse().unwrap();
        if method == Method::GET {
            continue;
        }
        let url = format!("{}{}", house.url(), path(&route, "nobody", "1"));
        let answer = http.request(method, url).json(&json!({}));
        let answer = answer.send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap_or_default();
        let refused = (status, &body["code"]) == (503, &json!("maintenance"));
        if refused == GOES_ON.contains(&route.as_str()) {
            wrong.push(format!("{route}: {status} {body}"));
        }
        asked += 1;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(asked > 80, "{asked}");
}
