use super::standing;
use crate::support::{
    api::Api,
    clock::TurnedClock,
    house::House,
    people::{PASSWORD, Person, totp},
};
use chrono::TimeDelta;
use hywarden::clock::Clock;
use serde_json::{Value, json};

/// Somebody with a second factor: the seed, the recovery codes.
pub(super) async fn with_factor(
    house: &House,
    clock: &TurnedClock,
    name: &str,
) -> (Person, String, Vec<String>) {
    let person = house.person(name, "user").await;
    let made = person.api.post("/auth/totp", json!({})).await.is(200);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(made["uri"].as_str().unwrap().contains(&secret));
    let code = totp(&secret, clock.now().timestamp(), 0);
    let body = json!({"code": code});
    let made = person.api.post("/auth/totp/confirm", body).await.is(200);
    let codes = made["recovery_codes"].as_array().unwrap();
    let codes: Vec<String> = codes
        .iter()
        .map(|c| c.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes.len(), 10);
    // the next code is of a step of its own
    clock.turn(TimeDelta::seconds(60));
    (person, secret, codes)
}

async fn challenge(api: &Api, name: &str) -> Value {
    let body = json!({"name": name, "password": PASSWORD});
    let asked = api.post("/auth/login", body).await.is(202);
    asked["challenge"].clone()
}

/// L7: a code is good once, within a step of its time; three wrong ones a step, ten in 15 minutes, however they are tried.
#[tokio::test(flavor = "multi_thread")]
async fn l7_codes_are_good_once_and_guesses_are_few() {
    let (house, clock) = standing(&[("logins.tries", "1000")]).await;
    let (_, secret, _) = with_factor(&house, &clock, "anna").await;
    let api = Api::remote(&house, None);
    let code = |steps: i64| totp(&secret, clock.now().timestamp(), steps);
    let show = async |code: &str| {
        let challenge = challenge(&api, "anna").await;
        api.post(
            "/auth/login/code",
            json!({"challenge": challenge, "code": code}),
        )
        .await
    };
    show(&code(0)).await.is(200);
    show(&code(0)).await.refused(401, "bad_login");
    // an earlier step after a later one is a replay, too
    show(&code(-1)).await.refused(401, "bad_login");
    show(&code(1)).await.is(200);
    clock.turn(TimeDelta::minutes(20));
    show(&code(2)).await.refused(401, "bad_login");
    show(&code(-2)).await.refused(401, "bad_login");
    show("000000").await.refused(401, "bad_login");
    // a new login is no new guess, and the right one is refused as well
    show(&code(0)).await.refused(429, "rate_limited");
    for _ in 0..7 {
        clock.turn(TimeDelta::seconds(30));
        show("000000").await.refused(401, "bad_login");
    }
    clock.turn(TimeDelta::seconds(30));
    show(&code(0)).await.refused(429, "rate_limited");
    clock.turn(TimeDelta::minutes(15));
    show(&code(0)).await.is(200);
    show("12345").await.wrong(&["code"]);
}

/// L7: ten wrong codes in any 15 minutes, not in those that began with the first.
#[tokio::test(flavor = "multi_thread")]
async fn l7_ten_guesses_in_any_quarter_of_an_hour() {
    let (house, clock) = standing(&[("logins.tries", "1000")]).await;
    with_factor(&house, &clock, "anna").await;
    let api = Api::remote(&house, None);
    let guess = async || {
        clock.turn(TimeDelta::seconds(30));
        let challenge = challenge(&api, "anna").await;
        let body = json!({"challenge": challenge, "code": "000000"});
        api.post("/auth/login/code", body).await
    };
    guess().await.refused(401, "bad_login");
    clock.turn(TimeDelta::minutes(9));
    for _ in 0..9 {
        guess().await.refused(401, "bad_login");
    }
    guess().await.refused(429, "rate_limited");
    // the first one is forgotten, the others are not
    clock.turn(TimeDelta::seconds(45));
    guess().await.refused(401, "bad_login");
    guess().await.refused(429, "rate_limited");
}

/// L8: of fifty posts of one code at once, one gets in.
#[tokio::test(flavor = "multi_thread")]
async fn l8_one_code_lets_one_in() {
    let (house, clock) = standing(&[("logins.tries", "1000")]).await;
    let (_, secret, _) = with_factor(&house, &clock, "anna").await;
    let api = Api::remote(&house, None);
    let challenge = challenge(&api, "anna").await;
    let code = totp(&secret, clock.now().timestamp(), 0);
    let body = json!({"challenge": challenge, "code": code});
    let posts = (0..50).map(|_| api.post("/auth/login/code", body.clone()));
    let answers = futures_util::future::join_all(posts).await;
    let lucky = answers.iter().filter(|a| a.status == 200).count();
    assert_eq!(lucky, 1);
    assert!(answers.iter().all(|a| [200, 401, 429].contains(&a.status)));
}

/// L9: recovery codes are good once; a used one that comes again is an alarm.
#[tokio::test(flavor = "multi_thread")]
async fn l9_recovery_codes_are_good_once() {
    let (house, clock) = standing(&[]).await;
    let (_, _, codes) = with_factor(&house, &clock, "anna").await;
    let local = Api::local(&house);
    let api = Api::remote(&house, None);
    let login = async |code: &str| {
        api.post(
            "/auth/login",
            json!({"name": "anna", "password": PASSWORD, "code": code}),
        )
        .await
    };
    login(&codes[0].to_uppercase()).await.is(200);
    login(&codes[0]).await.refused(401, "bad_login");
    login(&codes[1]).await.is(200);
    login("aaaa-aaaa-aaaa-aaaa-aaaa-aaaa")
        .await
        .refused(401, "bad_login");
    let events = local.get("/events?after=start&limit=100").await.is(200);
    let kinds: Vec<&str> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["kind"].as_str().unwrap())
        .collect();
    for kind in [
        "auth.recovery_code_used",
        "auth.recovery_code_misused",
        "auth.totp_enabled",
    ] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
}

/// L10: the second factor cannot be gone around: what asks for the code opens nothing, and neither a new password nor
/// OAuth's grant is a way.
#[tokio::test(flavor = "multi_thread")]
async fn l10_there_is_no_way_around_the_code() {
    let (house, clock) = standing(&[]).await;
    let (person, _, _) = with_factor(&house, &clock, "anna").await;
    let nobody = Api::remote(&house, None);
    let half = challenge(&nobody, "anna").await;
    let half = half.as_str().unwrap();
    let api = Api::remote(&house, Some(half));
    for path in ["/auth/me", "/auth/sessions", "/users", "/auth/totp"] {
        api.get(path).await.refused(401, "unauthenticated");
    }
    nobody
        .post("/auth/refresh", json!({"refresh_token": half}))
        .await
        .refused(401, "unauthenticated");
    let link = Api::local(&house)
        .post("/users/anna/password-link", json!({}))
        .await
        .is(201);
    let token = link["url"]
        .as_str()
        .unwrap()
        .split('#')
        .nth(1)
        .unwrap()
        .to_owned();
    let body = json!({"token": token, "password": "another long walk"});
    nobody.post("/auth/reset-password", body).await.is(204);
    // a challenge of the old password is void
    let old = json!({"challenge": half, "code": "000000"});
    nobody
        .post("/auth/login/code", old)
        .await
        .refused(401, "bad_login");
    let body = json!({"name": "anna", "password": "another long walk"});
    nobody.post("/auth/login", body).await.is(202);
    let http = reqwest::Client::new();
    let form = "grant_type=password&username=anna&password=another+long+walk";
    let answer = http
        .post(format!("{}/token", house.url()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    person
        .api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
}

/// L11 (and P21): changing by what one proves who one is needs a fresh proof, and a code where there is a factor.
#[tokio::test(flavor = "multi_thread")]
async fn l11_factors_change_by_fresh_proof_only() {
    let (house, clock) = standing(&[]).await;
    let (person, secret, _) = with_factor(&house, &clock, "anna").await;
    let code = |steps: i64| totp(&secret, clock.now().timestamp(), steps);
    person
        .api
        .post("/auth/totp", json!({}))
        .await
        .wrong(&["code"]);
    clock.turn(TimeDelta::minutes(6));
    for (path, body) in [
        ("/auth/totp", json!({"code": code(0)})),
        ("/auth/totp/disable", json!({"code": code(0)})),
        ("/auth/totp/recovery-codes", json!({"code": code(0)})),
    ] {
        person.api.post(path, body).await.refused(403, "not_fresh");
    }
    let body = json!({"email": "new@mail.example"});
    person
        .api
        .patch("/auth/me", body.clone())
        .await
        .refused(403, "not_fresh");
    let me = person.api.get("/auth/me").await.is(200);
    assert_eq!((&me["fresh"], &me["totp"]), (&json!(false), &json!(true)));
    let proof = json!({"password": "wrong in some way", "code": code(0)});
    person
        .api
        .post("/auth/confirm", proof)
        .await
        .refused(403, "wrong_password");
    let proof = json!({"password": PASSWORD});
    person
        .api
        .post("/auth/confirm", proof)
        .await
        .wrong(&["code"]);
    let proof = json!({"password": PASSWORD, "code": code(0)});
    person.api.post("/auth/confirm", proof).await.is(204);
    let me = person.api.patch("/auth/me", body).await.is(200);
    assert_eq!(me["email"], "new@mail.example");
    // a replacement needs a code of the factor in force
    clock.turn(TimeDelta::seconds(60));
    let other = json!({"code": "000000"});
    person
        .api
        .post("/auth/totp", other)
        .await
        .refused(403, "wrong_code");
    person
        .api
        .post("/auth/totp/disable", json!({"code": code(0)}))
        .await
        .is(204);
    house.login("anna").await;
}
