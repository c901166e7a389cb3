use super::standing;
use crate::support::{
    api::{Answer, Api},
    house::House,
    people::PASSWORD,
    redis::RedisServer,
};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

const WRONG: &str = "not the password at all";

/// A try from an address that a trusted proxy names.
async fn try_from(api: &Api, addr: &str, name: &str, password: &str) -> Answer {
    let request = api
        .request(Method::POST, "/auth/login")
        .header("x-forwarded-for", addr)
        .header("x-forwarded-proto", "https")
        .json(&json!({"name": name, "password": password}));
    api.answer("POST /auth/login", request).await
}

/// L1: somebody unknown and a wrong password look the same, and cost the same.
#[tokio::test(flavor = "multi_thread")]
async fn l1_nobody_learns_who_is_there() {
    let house = House::start(&[]).await;
    house.account("anna", "user").await;
    let nobody = Api::remote(&house, None);
    let hashes = || house.parts().metrics.password_hashes.get();
    let mut seen = Vec::new();
    for name in ["anna", "nobody", "anna@mail.example", ""] {
        let before = hashes();
        let body = json!({"name": name, "password": WRONG});
        let request = nobody.request(Method::POST, "/auth/login").json(&body);
        let answer = request.send().await.unwrap();
        assert_eq!(hashes() - before, 1, "{name}");
        let status = answer.status();
        let mut headers: Vec<String> = answer
            .headers()
            .iter()
            .filter(|(name, _)| *name != "x-request-id" && *name != "date")
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        headers.sort();
        let text = answer.text().await.unwrap();
        let mut body: serde_json::Value = serde_json::from_str(&text).unwrap();
        body["request_id"] = json!(null);
        seen.push((status, headers, body));
    }
    assert_eq!(seen[0].0, 401);
    assert_eq!(seen[0].2["code"], "bad_login");
    assert!(seen.iter().all(|one| *one == seen[0]), "{seen:?}");
}

/// L2: ten tries of an address, then one a minute; who gets in is not counted.
#[tokio::test(flavor = "multi_thread")]
async fn l2_the_eleventh_try_waits() {
    let proxies = ("server.trusted_proxies", "127.0.0.0/8");
    let (house, clock) = standing(&[proxies, ("logins.proofs", "100")]).await;
    house.account("anna", "user").await;
    let api = Api::remote(&house, None);
    for n in 0..25 {
        let answer = try_from(&api, "192.0.2.1", "anna", PASSWORD).await;
        assert_eq!(answer.status, 200, "{n}: {}", answer.text);
    }
    for n in 0..10 {
        let answer = try_from(&api, "192.0.2.1", &format!("n{n}"), WRONG).await;
        answer.refused(401, "bad_login");
    }
    let request = api
        .request(Method::POST, "/auth/login")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "https")
        .json(&json!({"name": "anna", "password": PASSWORD}));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 429);
    assert_eq!(answer.headers()["retry-after"], "60");
    // L4: a /64 is one customer, and what a stranger claims left of the proxy's word counts nothing
    try_from(&api, "203.0.113.9, 192.0.2.1", "anna", PASSWORD)
        .await
        .refused(429, "rate_limited");
    try_from(&api, "192.0.2.2", "anna", PASSWORD).await.is(200);
    for n in 0..10 {
        let addr = format!("2001:db8:1:2::{n}");
        let answer = try_from(&api, &addr, &format!("n{n}"), WRONG).await;
        answer.refused(401, "bad_login");
    }
    try_from(&api, "2001:db8:1:2:ffff::1", "anna", PASSWORD)
        .await
        .refused(429, "rate_limited");
    try_from(&api, "2001:db8:1:3::1", "anna", PASSWORD)
        .await
        .is(200);
    clock.turn(TimeDelta::seconds(60));
    try_from(&api, "192.0.2.1", "anna", PASSWORD).await.is(200);
}

/// L2: failures lock an account for an address, a minute at most; its owner gets in from elsewhere, others from there.
#[tokio::test(flavor = "multi_thread")]
async fn l2_an_outsider_locks_nobody_out() {
    let proxies = ("server.trusted_proxies", "127.0.0.0/8");
    let (house, clock) = standing(&[proxies, ("logins.tries", "1000")]).await;
    house.account("anna", "user").await;
    house.account("berta", "user").await;
    let api = Api::remote(&house, None);
    let mut longest = 0;
    for n in 0..12 {
        let mut locked = 0;
        while try_from(&api, "192.0.2.1", "Anna", WRONG).await.status != 401 {
            // the right password is refused, too
            try_from(&api, "192.0.2.1", "anna", PASSWORD)
                .await
                .refused(429, "rate_limited");
            locked += 1;
            clock.turn(TimeDelta::seconds(1));
            assert!(locked <= 60, "at most a minute");
        }
        assert!(n < 3 || locked > 0, "{n}");
        longest = longest.max(locked);
    }
    assert_eq!(longest, 60);
    try_from(&api, "192.0.2.1", "anna", PASSWORD)
        .await
        .refused(429, "rate_limited");
    try_from(&api, "192.0.2.2", "anna", PASSWORD).await.is(200);
    try_from(&api, "192.0.2.1", "berta", PASSWORD).await.is(200);
    clock.turn(TimeDelta::seconds(60));
    try_from(&api, "192.0.2.1", "anna", PASSWORD).await.is(200);
    // forgotten with that
    try_from(&api, "192.0.2.1", "anna", WRONG)
        .await
        .refused(401, "bad_login");
    try_from(&api, "192.0.2.1", "anna", PASSWORD).await.is(200);
}

/// L3: limits are shared through Redis, survive its loss, and are never open.
#[tokio::test(flavor = "multi_thread")]
async fn l3_without_redis_limits_still_hold() {
    let mut redis = RedisServer::start().await;
    let house = House::start(&[("redis.url", &redis.url())]).await;
    let api = Api::remote(&house, None);
    let guess = async |n: usize| {
        let body = json!({"name": format!("n{n}"), "password": WRONG});
        api.post("/auth/login", body).await
    };
    for n in 0..10 {
        guess(n).await.refused(401, "bad_login");
    }
    guess(10).await.refused(429, "rate_limited");
    redis.kill();
    for n in 20..30 {
        guess(n).await.refused(401, "bad_login");
    }
    guess(30).await.refused(429, "rate_limited");
    redis.start_again().await;
}

/// L3: a million addresses cost what some thousands do. Measured in a process of its own.
#[test]
fn l3_memory_is_bounded() {
    let alone = "rest::logins::limits::l3_a_million_addresses";
    let out = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", alone, "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let said = crate::support::program::said(&out);
    assert!(out.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
#[ignore = "run by l3_memory_is_bounded, alone"]
async fn l3_a_million_addresses() {
    use hywarden::{
        admission::AddrKey,
        cache::keys::SoftLock,
        clock::SystemClock,
        services::logins::{Door, LimitSettings, Limits},
    };
    let resident = || {
        let text = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: usize = text.split(' ').nth(1).unwrap().parse().unwrap();
        pages * 4096
    };
    let before = resident();
    let settings = LimitSettings {
        tries: 10,
        tries_per_second: 100,
        proofs: 10,
    };
    let limits = Limits::new(settings, std::sync::Arc::new(SystemClock), None);
    for n in 0..1_000_000 {
        limits.take(Door::Login(AddrKey(n))).await.unwrap();
        limits.failed(SoftLock(n)).await;
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 32 << 20, "{grown}");
}

/// L6: one hash at once and two that wait; whoever finds no room is told so at once, and costs no hash.
#[tokio::test(flavor = "multi_thread")]
async fn l6_who_finds_no_room_costs_no_hash() {
    let settings = [
        ("logins.hash_threads", "1"),
        ("logins.hash_queue", "2"),
        ("logins.hash_passes", "8"),
        ("logins.tries", "1000"),
        ("logins.proofs", "1000"),
    ];
    let house = House::start(&settings).await;
    house.account("anna", "user").await;
    let api = Api::remote(&house, None);
    let hashes = || house.parts().metrics.password_hashes.get();
    let before = hashes();
    let tries = (0..40).map(|_| async {
        let body = json!({"name": "anna", "password": PASSWORD});
        api.post("/auth/login", body).await.status
    });
    let answers = futures_util::future::join_all(tries).await;
    let of = |status: u16| answers.iter().filter(|s| **s == status).count();
    assert!(of(200) >= 3 && of(503) >= 20, "{answers:?}");
    assert_eq!(of(200) + of(503), 40);
    assert_eq!(hashes() - before, u64::try_from(of(200)).unwrap());
}

/// L6: a hash that was made with less is made anew when its owner comes in.
#[tokio::test(flavor = "multi_thread")]
async fn l6_old_hashes_are_made_anew() {
    let old = House::start(&[]).await;
    old.account("anna", "user").await;
    let stored = async |house: &House| {
        use diesel::prelude::*;
        use diesel_async::RunQueryDsl;
        use hywarden::schema::factors;
        let mut conn = house.test.connect().await;
        let hash: Option<String> = factors::table
            .select(factors::password_hash)
            .first(&mut conn)
            .await
            .unwrap();
        hash.unwrap()
    };
    let before = stored(&old).await;
    assert!(
        before.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{before}"
    );
    old.login("anna").await;
    assert_eq!(stored(&old).await, before);
    let House { app, test, dir } = old;
    app.stop().await.unwrap();
    let clock = std::sync::Arc::new(hywarden::clock::SystemClock);
    let keys = dir.path().join("keys.toml");
    let settings = [
        ("logins.hash_passes", "3"),
        ("keys.file", keys.to_str().unwrap()),
    ];
    let new = House::on(test, clock, &settings).await;
    new.login("anna").await;
    let after = stored(&new).await;
    assert!(
        after.starts_with("$argon2id$v=19$m=19456,t=3,p=1$"),
        "{after}"
    );
    new.login("anna").await;
    assert_eq!(stored(&new).await, after);
}
