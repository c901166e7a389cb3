//! Whose page asks, and over what.
use super::Browser;
use crate::support::{house::House, people::PASSWORD};
use reqwest::Method;
use serde_json::{Value, json};

/// C1: with a cookie, what changes something needs the token of that very login, and comes from our own pages.
#[tokio::test(flavor = "multi_thread")]
async fn c1_another_sites_page_changes_nothing() {
    let house = House::start(&[]).await;
    house.account("anna", "user").await;
    house.account("berta", "user").await;
    let (anna, _) = Browser::login(&house, "anna").await;
    let (berta, _) = Browser::login(&house, "berta").await;
    let edit = || anna.request(Method::PATCH, "/auth/me").json(&json!({}));
    let refused = (403, "csrf".to_owned());
    assert_eq!(anna.status(edit()).await, refused);
    for wrong in ["", "x", &berta.csrf, &anna.cookie] {
        assert_eq!(
            anna.status(edit().header("x-csrf-token", wrong)).await,
            refused,
            "{wrong}"
        );
    }
    let with = || edit().header("x-csrf-token", &anna.csrf);
    assert_eq!(anna.status(with()).await.0, 200);
    let foreign = (403, "cross_origin".to_owned());
    let host = house.url();
    for origin in [
        "https://evil.example",
        "null",
        &format!("{host}.evil.example"),
        "http://127.0.0.1",
        "http://evil-127.0.0.1",
    ] {
        assert_eq!(
            anna.status(with().header("origin", origin)).await,
            foreign,
            "{origin}"
        );
    }
    for site in ["cross-site", "same-site", "nonsense"] {
        assert_eq!(
            anna.status(with().header("sec-fetch-site", site)).await,
            foreign,
            "{site}"
        );
    }
    let own = with()
        .header("origin", &host)
        .header("sec-fetch-site", "same-origin");
    assert_eq!(anna.status(own).await.0, 200);
    // logging somebody in from elsewhere, too
    let body = json!({"name": "anna", "password": PASSWORD, "session": "cookie"});
    let login = anna
        .request(Method::POST, "/auth/login")
        .header("origin", "https://evil.example")
        .json(&body);
    assert_eq!(anna.status(login).await, foreign);
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ] {
        let login = anna
            .request(Method::POST, "/auth/login")
            .header("content-type", kind)
            .body(body.to_string());
        assert_eq!(anna.status(login).await.0, 415, "{kind}");
    }
    // a Bearer is nothing that a browser sends by itself
    let person = house.login("anna").await;
    person.api.patch("/auth/me", json!({})).await.is(200);
}

/// C3: pages of origins that the operator named may read answers, nobody else's; never `*`.
#[tokio::test(flavor = "multi_thread")]
async fn c3_only_named_origins_read_answers() {
    let house = House::start(&[("server.allowed_origins", "https://panel.example")]).await;
    let http = reqwest::Client::new();
    let url = format!("{}/api/v1/auth/jwks", house.url());
    let ask = async |origin: &str| {
        http.get(&url)
            .header("origin", origin)
            .send()
            .await
            .unwrap()
    };
    for origin in [
        "https://evil.example",
        "null",
        "https://panel.example.evil.example",
        "https://evilpanel.example",
        "http://panel.example",
        "https://panel.example:8443",
        "https://PANEL.example",
        "*",
    ] {
        let answer = ask(origin).await;
        assert!(
            answer
                .headers()
                .get("access-control-allow-origin")
                .is_none(),
            "{origin}"
        );
    }
    let answer = ask("https://panel.example").await;
    assert_eq!(
        answer.headers()["access-control-allow-origin"],
        "https://panel.example"
    );
    assert_eq!(answer.headers()["vary"], "Origin");
    let preflight = async |origin: &str| {
        let request = http.request(Method::OPTIONS, &url).header("origin", origin);
        request
            .header("access-control-request-method", "PATCH")
            .send()
            .await
            .unwrap()
    };
    let yes = preflight("https://panel.example").await;
    assert_eq!(yes.status(), 204);
    assert!(
        yes.headers()["access-control-allow-methods"]
            .to_str()
            .unwrap()
            .contains("PATCH")
    );
    let no = preflight("https://evil.example").await;
    assert!(no.headers().get("access-control-allow-methods").is_none());
    assert!(no.headers().get("access-control-allow-origin").is_none());
}

/// Over plain HTTP from elsewhere no secret is taken, and the answer says why; a trusted proxy's word is enough.
#[tokio::test(flavor = "multi_thread")]
async fn a_readable_way_is_refused() {
    let house = House::start(&[("server.trusted_proxies", "127.0.0.0/8")]).await;
    house.account("anna", "user").await;
    let http = reqwest::Client::new();
    let body = json!({"name": "anna", "password": PASSWORD, "session": "cookie"});
    let login = || {
        http.post(format!("{}/api/v1/auth/login", house.url()))
            .json(&body)
            .header("host", "panel.example")
    };
    for request in [login(), login().header("x-forwarded-proto", "http")] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(
            answer.json::<Value>().await.unwrap()["code"],
            "insecure_origin"
        );
    }
    let answer = login()
        .header("x-forwarded-proto", "https")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let page = http
        .get(format!("{}/setup", house.url()))
        .header("host", "panel.example")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 403);
    let strangers = House::start(&[]).await;
    let answer = http
        .post(format!("{}/api/v1/auth/login", strangers.url()))
        .json(&body)
        .header("host", "panel.example")
        .header("x-forwarded-proto", "https")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 403, "nobody said that this one is a proxy");
}
