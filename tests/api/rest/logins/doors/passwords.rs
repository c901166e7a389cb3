//! What a password is, and the link that sets one.
use super::token_of;
use crate::{
    rest::logins::standing,
    support::{api::Api, house::House},
};
use chrono::TimeDelta;
use serde_json::json;

/// L12: a link sets a password once, for ten minutes, for its account alone; what a request calls us is nowhere in it.
#[tokio::test(flavor = "multi_thread")]
async fn l12_a_link_is_good_once() {
    let settings = [("server.public_url", "https://panel.example/base/")];
    let (house, clock) = standing(&settings).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    let person = house.person("anna", "user").await;
    let link = async || {
        let request = local
            .request(reqwest::Method::POST, "/users/anna/password-link")
            .header("host", "evil.example")
            .json(&json!({}));
        let made = local.answer("link", request).await.is(201);
        assert!(
            made["url"]
                .as_str()
                .unwrap()
                .starts_with("https://panel.example/base/reset-password#hywarden_pw_")
        );
        token_of(&made)
    };
    let old = link().await;
    let token = link().await;
    let set = async |token: &str, password: &str| {
        clock.turn(TimeDelta::seconds(20));
        nobody
            .post(
                "/auth/reset-password",
                json!({"token": token, "password": password}),
            )
            .await
    };
    set(&old, "hills and more hills").await.wrong(&["token"]);
    set(&token, "annaanna").await.wrong(&["password"]);
    set(&token, "hills and more hills").await.is(204);
    person
        .api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    set(&token, "hills and more hills").await.wrong(&["token"]);
    let late = link().await;
    clock.turn(TimeDelta::minutes(10));
    set(&late, "hills and more hills").await.wrong(&["token"]);
    // a new password voids what was made before it
    let void = link().await;
    house.password("anna", "and now the sea again").await;
    set(&void, "hills and more hills").await.wrong(&["token"]);
    let body = json!({"name": "ANNA", "password": "and now the sea again"});
    nobody.post("/auth/login", body).await.is(200);
}

/// L5: any characters, exactly as they are.
#[tokio::test(flavor = "multi_thread")]
async fn l5_a_password_is_its_very_characters() {
    let house = House::start(&[("logins.tries", "1000")]).await;
    house.account("anna", "user").await;
    let nobody = Api::remote(&house, None);
    let login = async |password: &str| {
        let body = json!({"name": "anna", "password": password});
        nobody.post("/auth/login", body).await.status
    };
    let long = "ab".repeat(60) + "z";
    for (right, wrong) in [
        (" spaces at both ends ", "spaces at both ends"),
        ("\u{1F40B} whales \u{1F40B}", "\u{1F40B} whales"),
        ("e\u{301}clairs for all", "\u{e9}clairs for all"),
        ("MiXeD letters here", "mixed letters here"),
        (long.as_str(), &long[..72]),
    ] {
        house.password("anna", right).await;
        assert_eq!(login(wrong).await, 401, "{right}");
        assert_eq!(login(right).await, 200, "{right}");
    }
}
