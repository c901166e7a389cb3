//! The lock that failures bring: nobody gets around it by hurrying, or by another name of the account.
use super::standing;
use crate::support::{api::Api, people::PASSWORD};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

const WRONG: &str = "not the password at all";

/// L2: guesses that are made at once are as few as those one by one; the right one among them is refused with the others.
#[tokio::test(flavor = "multi_thread")]
async fn l2_guesses_at_once_are_no_more() {
    let settings = [("logins.tries", "1000"), ("logins.hash_threads", "1")];
    let (house, clock) = standing(&settings).await;
    house.account("anna", "user").await;
    let api = Api::remote(&house, None);
    let login = async |password: &str| {
        let body = json!({"name": "anna", "password": password});
        api.post("/auth/login", body).await
    };
    // three failures lock for a second, and time stands
    let guesses = futures_util::future::join_all((0..9).map(|_| login(WRONG))).await;
    let of = |status: u16| guesses.iter().filter(|a| a.status == status).count();
    assert_eq!(of(401), 3, "{guesses:?}");
    assert!(of(429) >= 1 && of(429) + of(503) == 6, "{guesses:?}");
    login(PASSWORD).await.refused(429, "rate_limited");
    clock.turn(TimeDelta::seconds(1));
    login(PASSWORD).await.is(200);
    // the same for who is logged in and confirms
    let anna = house.login("anna").await;
    let confirm = async |password: &str| {
        let body = json!({"password": password});
        anna.api.post("/auth/confirm", body).await
    };
    clock.turn(TimeDelta::minutes(2));
    let guesses = futures_util::future::join_all((0..8).map(|_| confirm(WRONG))).await;
    let wrong = guesses.iter().filter(|a| a.status == 403).count();
    assert_eq!(wrong, 3, "{guesses:?}");
    confirm(PASSWORD).await.refused(429, "rate_limited");
}

/// L2, L1: an account has one lock, by whatever name it is called; that two names are one account's, nobody is told.
#[tokio::test(flavor = "multi_thread")]
async fn l2_all_names_of_an_account_share_a_lock() {
    let proxies = ("server.trusted_proxies", "127.0.0.0/8");
    let (house, clock) = standing(&[proxies, ("logins.tries", "1000")]).await;
    house.account("anna", "user").await;
    let api = Api::remote(&house, None);
    let try_from = async |addr: &str, name: &str, password: &str| {
        let request = api
            .request(Method::POST, "/auth/login")
            .header("x-forwarded-for", addr)
            .header("x-forwarded-proto", "https")
            .json(&json!({"name": name, "password": password}));
        api.answer("login", request).await
    };
    let (here, there) = ("192.0.2.1", "192.0.2.2");
    for [name, wide, mail] in [
        [
            "anna",
            "\u{FF21}\u{FF4E}\u{FF4E}\u{FF41}",
            "anna@mail.example",
        ],
        [
            "nina",
            "\u{FF2E}\u{FF49}\u{FF4E}\u{FF41}",
            "nina@mail.example",
        ],
    ] {
        for called in [name, wide, name] {
            let answer = try_from(here, called, WRONG).await;
            answer.refused(401, "bad_login");
        }
        for called in [name, wide] {
            let answer = try_from(here, called, PASSWORD).await;
            answer.refused(429, "rate_limited");
        }
        // the right password is none, and looks as for somebody who is not there
        let answer = try_from(here, mail, PASSWORD).await;
        answer.refused(401, "bad_login");
    }
    let mail = "Anna@mail.example";
    try_from(there, mail, PASSWORD).await.is(200);
    clock.turn(TimeDelta::seconds(60));
    try_from(here, mail, PASSWORD).await.is(200);
}
