//! What is noted when a login is used, and what is not.
use super::{browser::Browser, standing};
use crate::support::{api::Api, people::PASSWORD};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

/// S6: who knows a session's id, which many may, but not its secret keeps it alive no longer.
#[tokio::test(flavor = "multi_thread")]
async fn s6_an_id_alone_keeps_no_session_alive() {
    let (house, clock) = standing(&[("logins.idle", "1h")]).await;
    house.account("anna", "user").await;
    let (used, _) = Browser::login(&house, "anna").await;
    let (unused, _) = Browser::login(&house, "anna").await;
    let (mut guess, _) = Browser::login(&house, "anna").await;
    let (id, _) = unused.cookie.split_once('.').unwrap();
    guess.cookie = format!("{id}.{}", "a".repeat(52));
    let me = async |by: &Browser| by.status(by.request(Method::GET, "/auth/me")).await.0;
    clock.turn(TimeDelta::minutes(50));
    assert_eq!(me(&used).await, 200);
    assert_eq!(me(&guess).await, 401);
    clock.turn(TimeDelta::minutes(20));
    assert_eq!(me(&used).await, 200);
    assert_eq!(me(&unused).await, 401);
}

/// L15: a new place is one that no login was opened from, wherever logins were used since; a /64 is one place.
#[tokio::test(flavor = "multi_thread")]
async fn l15_a_place_is_known_by_logins_that_were_opened_there() {
    let proxies = ("server.trusted_proxies", "127.0.0.0/8");
    let (house, clock) = standing(&[proxies, ("logins.tries", "1000")]).await;
    house.account("anna", "user").await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    let at = |method, path: &str, addr: &str| {
        let request = nobody.request(method, path);
        request
            .header("x-forwarded-for", addr)
            .header("x-forwarded-proto", "https")
    };
    let login = async |addr: &str| {
        let body = json!({"name": "anna", "password": PASSWORD});
        let request = at(Method::POST, "/auth/login", addr).json(&body);
        let made = nobody.answer("login", request).await.is(200);
        made["access_token"].as_str().unwrap().to_owned()
    };
    let new_places = async || {
        let events = local.get("/events?after=start&limit=100").await.is(200);
        let events = events["items"].as_array().unwrap().iter();
        events
            .filter(|e| e["kind"] == "auth.login_new_location")
            .count()
    };
    let token = login("192.0.2.1").await;
    assert_eq!(new_places().await, 0, "the first of all");
    // used from elsewhere, for long enough to be noted
    clock.turn(TimeDelta::minutes(2));
    let request = at(Method::GET, "/auth/sessions", "192.0.2.2").bearer_auth(&token);
    let listed = nobody.answer("sessions", request).await.is(200);
    assert_eq!(listed["items"][0]["addr"], "192.0.2.2");
    login("192.0.2.1").await;
    assert_eq!(new_places().await, 0, "one was opened there");
    login("192.0.2.2").await;
    assert_eq!(new_places().await, 1, "none was opened there");
    for (addr, places) in [
        ("2001:db8:1:2::1", 2),
        ("2001:db8:1:2:ffff::9", 2),
        ("2001:db8:1:3::1", 3),
    ] {
        login(addr).await;
        assert_eq!(new_places().await, places, "{addr}");
    }
}
