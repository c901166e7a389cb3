//! What people may use up of what all share: the doors, the hashes.
use super::standing;
use crate::support::{
    api::{Answer, Api},
    clock::TurnedClock,
    database::database,
    house::House,
    people::PASSWORD,
    redis::RedisServer,
};
use chrono::TimeDelta;
use hywarden::{
    admission::AddrKey,
    services::logins::{Door, LimitSettings, Limits},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

const WRONG: &str = "not the password at all";
const PROXIES: (&str, &str) = ("server.trusted_proxies", "127.0.0.0/8");

/// A request from an address that a trusted proxy names.
async fn post_from(api: &Api, addr: &str, path: &str, body: &Value) -> Answer {
    let request = api
        .request(Method::POST, path)
        .header("x-forwarded-for", addr)
        .header("x-forwarded-proto", "https")
        .json(body);
    api.answer(path, request).await
}

/// L2: an address that has no try left takes none of those of everybody, whatever it asks for.
#[tokio::test(flavor = "multi_thread")]
async fn l2_one_address_shuts_the_door_for_nobody_else() {
    let settings = [
        PROXIES,
        ("logins.tries", "2"),
        ("logins.tries_per_second", "5"),
    ];
    let (house, _) = standing(&settings).await;
    house.account("anna", "user").await;
    let api = Api::remote(&house, None);
    let noisy = async |path: &str, body: Value| post_from(&api, "192.0.2.1", path, &body).await;
    for name in ["a", "b"] {
        let body = json!({"name": name, "password": WRONG});
        noisy("/auth/login", body).await.refused(401, "bad_login");
    }
    for _ in 0..3 {
        let body = json!({"email": "x@mail.example"});
        noisy("/auth/forgot-password", body).await.is(202);
    }
    for _ in 0..12 {
        for (path, body) in [
            ("/auth/login", json!({"name": "a", "password": WRONG})),
            (
                "/auth/login/code",
                json!({"challenge": "hywarden_2fa_x", "code": "000000"}),
            ),
            ("/auth/forgot-password", json!({"email": "x@mail.example"})),
        ] {
            noisy(path, body).await.refused(429, "rate_limited");
        }
    }
    let body = json!({"name": "anna", "password": PASSWORD});
    post_from(&api, "192.0.2.2", "/auth/login", &body)
        .await
        .is(200);
}

/// L2: a flood of addresses does not make anybody forget how many tries everybody had.
#[tokio::test]
async fn l2_a_flood_of_addresses_opens_nothing() {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let settings = LimitSettings {
        tries: 10,
        tries_per_second: 1,
        proofs: 10,
    };
    let limits = Limits::new(settings, clock, None);
    for _ in 0..2 {
        limits.take(Door::Everybody).await.unwrap();
    }
    for n in 0..300_000 {
        limits.take(Door::Login(AddrKey(n))).await.unwrap();
    }
    limits.take(Door::Everybody).await.unwrap_err();
}

/// S12: a clock that is set back by an hour shuts no door and leaves no lock, in memory and in Redis.
#[tokio::test(flavor = "multi_thread")]
async fn s12_a_clock_set_back_shuts_nobody_out() {
    let redis = RedisServer::start().await;
    let url = redis.url();
    for shared in [None, Some(("redis.url", url.as_str()))] {
        let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
        let settings: Vec<_> = shared.into_iter().collect();
        let house = House::on(database().await, clock.clone(), &settings).await;
        house.account("anna", "user").await;
        let api = Api::remote(&house, None);
        let login = async |password: &str| {
            let body = json!({"name": "anna", "password": password});
            api.post("/auth/login", body).await
        };
        for _ in 0..3 {
            login(WRONG).await.refused(401, "bad_login");
        }
        login(PASSWORD).await.refused(429, "rate_limited");
        clock.turn(TimeDelta::hours(-1));
        login(PASSWORD).await.is(200);
        // and what is counted from here on is
        for _ in 0..3 {
            login(WRONG).await.refused(401, "bad_login");
        }
        login(PASSWORD).await.refused(429, "rate_limited");
    }
}

/// L6: whoever knows its password cannot take the hashes of all others by showing it again and again.
#[tokio::test(flavor = "multi_thread")]
async fn l6_one_account_takes_not_all_hashes() {
    let (house, clock) = standing(&[]).await;
    house.account("anna", "user").await;
    let berta = house.person("berta", "user").await;
    let nobody = Api::remote(&house, None);
    let hashes = || house.parts().metrics.password_hashes.get();
    let login = async |name: &str| {
        let body = json!({"name": name, "password": PASSWORD});
        nobody.post("/auth/login", body).await
    };
    // a login has a place among them
    let before = hashes();
    let proof = json!({"password": PASSWORD});
    for _ in 0..9 {
        berta.api.post("/auth/confirm", proof.clone()).await.is(204);
    }
    assert_eq!(hashes() - before, 9);
    let change = json!({"current_password": PASSWORD, "new_password": "hills and more hills"});
    for (path, body) in [("/auth/confirm", proof), ("/auth/change-password", change)] {
        let answer = berta.api.post(path, body).await;
        answer.refused(429, "rate_limited");
    }
    assert_eq!(hashes() - before, 9);
    for _ in 0..10 {
        login("anna").await.is(200);
    }
    login("anna").await.refused(429, "rate_limited");
    clock.turn(TimeDelta::seconds(6));
    login("anna").await.is(200);
    login("berta").await.is(200);
    // from here on the address pays
    let before = hashes();
    for _ in 0..30 {
        login("anna").await.refused(429, "rate_limited");
    }
    assert!(hashes() - before <= 9, "{}", hashes() - before);
}

/// L6: a guess at an invitation costs no hash.
#[tokio::test(flavor = "multi_thread")]
async fn l6_a_wrong_invitation_costs_no_hash() {
    let house = House::start(&[("logins.registration", "invite")]).await;
    let nobody = Api::remote(&house, None);
    let hashes = || house.parts().metrics.password_hashes.get();
    let before = hashes();
    let body = json!({"name": "x", "password": PASSWORD, "invite": "hywarden_inv_guess"});
    nobody.post("/auth/register", body).await.wrong(&["invite"]);
    assert_eq!(hashes(), before);
    let made = Api::local(&house).post("/auth/invites", json!({})).await;
    let secret = made.is(201)["secret"].clone();
    let body = json!({"name": "x", "password": PASSWORD, "invite": secret});
    nobody.post("/auth/register", body).await.is(201);
    assert_eq!(hashes() - before, 1);
}
