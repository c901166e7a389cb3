//! The cookie that logs a browser in.
use super::{Browser, cookies, value};
use crate::support::{api::Api, house::House, people::PASSWORD, stream::Stream};
use reqwest::Method;
use serde_json::json;

/// S9: the cookies are of this host, over TLS, not for other sites; no script reads the one that logs in. S7: a new proof
/// makes a new one. C6: logging out clears what pages kept.
#[tokio::test(flavor = "multi_thread")]
async fn s9_cookies_are_kept_as_they_should() {
    let house = House::start(&[]).await;
    house.account("anna", "user").await;
    let (mut browser, set) = Browser::login(&house, "anna").await;
    for cookie in &set {
        for needed in ["; Path=/", "; Secure", "; SameSite=Strict", "; Max-Age="] {
            assert!(cookie.contains(needed), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert_eq!(
            cookie.contains("; HttpOnly"),
            !cookie.starts_with("__Host-hywarden_csrf"),
            "{cookie}"
        );
    }
    assert_eq!(browser.me().await, 200);
    let (other, _) = Browser::login(&house, "anna").await;
    assert_ne!(other.cookie, browser.cookie);
    // fixation: what a browser brings is never taken over
    let body = json!({"name": "anna", "password": PASSWORD, "session": "cookie"});
    let answer = browser
        .request(Method::POST, "/auth/login")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_ne!(
        format!(
            "__Host-hywarden={}",
            value(&cookies(&answer), "__Host-hywarden")
        ),
        browser.cookie
    );
    let proof = browser
        .request(Method::POST, "/auth/confirm")
        .header("x-csrf-token", &browser.csrf)
        .json(&json!({"password": PASSWORD}));
    let answer = proof.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let fresh = cookies(&answer);
    assert_eq!(browser.me().await, 401, "the old cookie");
    browser.cookie = format!("__Host-hywarden={}", value(&fresh, "__Host-hywarden"));
    browser.csrf = value(&fresh, "__Host-hywarden_csrf");
    assert_eq!(browser.me().await, 200);
    // in a URL, or as a Bearer, it is nothing
    let bare = browser.cookie.trim_start_matches("__Host-hywarden=");
    assert_eq!(
        Api::remote(&house, Some(bare)).get("/auth/me").await.status,
        401
    );
    let out = browser
        .request(Method::POST, "/auth/logout")
        .header("x-csrf-token", &browser.csrf)
        .json(&json!({}));
    let answer = out.send().await.unwrap();
    assert_eq!(answer.status(), 204);
    assert_eq!(
        answer.headers()["clear-site-data"],
        "\"cookies\", \"storage\""
    );
    assert!(cookies(&answer).iter().all(|c| c.contains("Max-Age=0")));
    assert_eq!(browser.me().await, 401);
}

/// W1: a browser follows the event stream by its cookie, and is shown out with its login.
#[tokio::test(flavor = "multi_thread")]
async fn w1_a_browser_follows_by_its_cookie() {
    let house = House::start(&[]).await;
    house.account("anna", "user").await;
    let (anna, _) = Browser::login(&house, "anna").await;
    let mut stream = Stream::open(anna.request(Method::GET, "/events/stream")).await;
    stream.until("event: subscribed").await;
    let logout = anna
        .request(Method::POST, "/auth/logout")
        .header("x-csrf-token", &anna.csrf);
    assert_eq!(anna.status(logout).await.0, 204);
    stream.shown_out().await;
}
