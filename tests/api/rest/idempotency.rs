//! `Idempotency-Key` (security check T4): the same key and body get the same answer, and nothing is done twice.
use super::secrets::dump;
use crate::support::{api::Api, clock::TurnedClock, database::database, house::House};
use chrono::TimeDelta;
use hywarden::services::{
    callers::Caller,
    idempotency::{Asked, Keep, Known, Rendered},
    users::{CreateUser, UserDetail},
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

struct Kept {
    status: u16,
    replayed: bool,
    body: String,
}

async fn post(api: &Api, path: &str, key: &str, body: &Value) -> Kept {
    let request = api
        .request(Method::POST, path)
        .header("idempotency-key", key)
        .json(body);
    let answer = request.send().await.unwrap();
    Kept {
        status: answer.status().as_u16(),
        replayed: answer.headers().contains_key("idempotency-replayed"),
        body: answer.text().await.unwrap(),
    }
}

fn code(kept: &Kept) -> String {
    let body: Value = serde_json::from_str(&kept.body).unwrap();
    body["code"].as_str().unwrap_or_default().to_owned()
}

/// T4: same body → same answer, byte for byte, with its secrets; other body → 422; the record is sealed.
#[tokio::test(flavor = "multi_thread")]
async fn t4_a_repetition_gets_the_same_answer() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    let made = post(&api, "/users", "k1", &json!({"name": "bob"})).await;
    assert_eq!((made.status, made.replayed), (201, false));
    let device = json!({"name": "phone"});
    let node = json!({"name": "n2", "address": "n2.test:1", "stats_url": "http://127.0.0.1:8"});
    let batch = json!({"action": "create", "prefix": "p", "count": 3});
    let other_node =
        json!({"name": "n3", "address": "n3.test:1", "stats_url": "http://127.0.0.1:7"});
    let fewer = json!({"action": "create", "prefix": "p", "count": 2});
    for (path, body, other, status) in [
        ("/users/bob/devices", &device, json!({"name": "other"}), 201),
        ("/nodes", &node, other_node, 201),
        ("/groups", &json!({"name": "g"}), json!({"name": "h"}), 201),
        (
            "/plans",
            &json!({"name": "gold"}),
            json!({"name": "silver"}),
            201,
        ),
        (
            "/tokens",
            &json!({"name": "t", "scopes": ["*"]}),
            json!({"name": "u", "scopes": ["*"]}),
            201,
        ),
        ("/users:batch", &batch, fewer, 200),
        (
            "/nodes/fra1/rotate-secret",
            &json!({}),
            json!({"now": true}),
            200,
        ),
    ] {
        let key = &format!("key of {path}").replace(' ', "-");
        let first = post(&api, path, key, body).await;
        assert_eq!(
            (first.status, first.replayed),
            (status, false),
            "{path} {}",
            first.body
        );
        for _ in 0..2 {
            let again = post(&api, path, key, body).await;
            assert_eq!((again.status, again.replayed), (status, true), "{path}");
            assert_eq!(again.body, first.body, "{path}");
        }
        for (path, body) in [(path, &other), ("/groups", &json!({"name": "elsewhere"}))] {
            let reused = post(&api, path, key, body).await;
            assert_eq!(
                (reused.status, code(&reused).as_str()),
                (422, "idempotency_key_reused"),
                "{path}"
            );
        }
        let secret: Value = serde_json::from_str(&first.body).unwrap();
        if let Some(secret) = secret["secret"].as_str() {
            assert!(!dump(&house.test.url).contains(secret), "{path}");
        }
    }
    let first = post(&api, "/users/bob/reset-credentials", "reset", &json!({})).await;
    let again = post(&api, "/users/bob/reset-credentials", "reset", &json!({})).await;
    assert_eq!((again.replayed, &again.body), (true, &first.body));
    assert_eq!(api.all("/users", 100).await.len(), 4, "each once");
    assert_eq!(api.all("/devices", 100).await.len(), 1);
}

/// T4: in flight → 409. Of many at the same moment one is done, and nobody gets another answer.
#[tokio::test(flavor = "multi_thread")]
async fn t4_of_many_at_once_one_is_done() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let body = json!({"name": "bob"});
    let all = (0..30).map(|_| post(&api, "/users", "same", &body));
    let answers = futures_util::future::join_all(all).await;
    let made: Vec<&Kept> = answers.iter().filter(|a| a.status == 201).collect();
    assert_eq!(made.iter().filter(|a| !a.replayed).count(), 1);
    assert!(made.iter().all(|a| a.body == made[0].body));
    for other in answers.iter().filter(|a| a.status != 201) {
        assert_eq!((other.status, code(other).as_str()), (409, "in_flight"));
    }
    assert_eq!(api.all("/users", 100).await.len(), 1);
}

/// What was refused was not done: the key is free again. Keys are a principal's own, and bounded.
#[tokio::test(flavor = "multi_thread")]
async fn t4_refusals_are_not_kept() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let wrong = post(&api, "/users", "k", &json!({"name": ""})).await;
    assert_eq!(wrong.status, 422);
    let made = post(&api, "/users", "k", &json!({"name": "bob"})).await;
    assert_eq!((made.status, made.replayed), (201, false), "{}", made.body);
    let token = api
        .post("/tokens", json!({"name": "t", "scopes": ["users:write"]}))
        .await
        .is(201);
    let other = Api::remote(&house, token["secret"].as_str());
    let theirs = post(&other, "/users", "k", &json!({"name": "carl"})).await;
    assert_eq!((theirs.status, theirs.replayed), (201, false));
    for bad in ["", "ä", &"x".repeat(256), "two words"] {
        let refused = post(&api, "/users", bad, &json!({"name": "x"})).await;
        assert_eq!(refused.status, 422, "{bad:?}");
    }
    let twice = api
        .request(Method::POST, "/users")
        .header("idempotency-key", "a")
        .header("idempotency-key", "b")
        .json(&json!({"name": "x"}));
    api.answer("twice", twice).await.wrong(&["idempotency-key"]);
    // a dry run does nothing that could be done twice
    let dry = json!({"action": "create", "prefix": "p", "count": 1, "dry_run": true});
    assert_eq!(post(&api, "/users:batch", "dry", &dry).await.status, 200);
    let wet = json!({"action": "create", "prefix": "p", "count": 1});
    assert_eq!(post(&api, "/users:batch", "dry", &wet).await.status, 200);
}

/// What the middleware would ask for this request.
fn asked<'a>(principal: &'a str, key: &'a str, path: &str, body: &Value) -> Asked<'a> {
    let mut hash = Sha256::new();
    for part in ["POST", path, ""] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(Sha256::digest(body.to_string()));
    Asked {
        principal,
        key,
        request: hash.finalize().into(),
    }
}

/// T4: a crash between effect and answer → the repetition returns the stored answer; one before the effect → the
/// repetition does it, once the attempt is past its deadline. After a day the key is free.
#[tokio::test(flavor = "multi_thread")]
async fn t4_a_crash_leaves_effect_and_answer_or_neither() {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let house = House::on(database().await, clock.clone(), &[]).await;
    let api = Api::local(&house);
    let services = house.services();
    let principal = format!("cli:{}", nix::unistd::geteuid());
    let by = Caller::trusted(principal.clone());
    let body = json!({"name": "bob"});

    let known = services
        .idempotency
        .claim(&asked(&principal, "after", "/api/v1/users", &body))
        .await
        .unwrap();
    let Known::Fresh(claim) = known else {
        panic!("nobody used it")
    };
    let render = |made: &UserDetail| -> hywarden::error::Result<Rendered> {
        Ok(Rendered {
            status: 201,
            body: json!({"name": made.user.name}).to_string(),
        })
    };
    let create = CreateUser {
        name: "bob".to_owned(),
        ..CreateUser::default()
    };
    let keep = Keep::under(&claim, &render);
    services.users.create(&by, &create, &keep).await.unwrap();
    // and here it dies: nobody got the answer
    let again = post(&api, "/users", "after", &body).await;
    assert_eq!(
        (again.status, again.replayed),
        (201, true),
        "{}",
        again.body
    );
    assert_eq!(again.body, r#"{"name":"bob"}"#);

    let body = json!({"name": "carl"});
    let before = asked(&principal, "before", "/api/v1/users", &body);
    let Known::Fresh(late) = services.idempotency.claim(&before).await.unwrap() else {
        panic!("nobody used it")
    };
    let early = post(&api, "/users", "before", &body).await;
    assert_eq!((early.status, code(&early).as_str()), (409, "in_flight"));
    clock.turn(TimeDelta::seconds(46));
    let done = post(&api, "/users", "before", &body).await;
    assert_eq!((done.status, done.replayed), (201, false), "{}", done.body);
    // the first attempt wakes up: it must not take effect beside the second
    let create = CreateUser {
        name: "dora".to_owned(),
        ..CreateUser::default()
    };
    let keep = Keep::under(&late, &render);
    services
        .users
        .create(&by, &create, &keep)
        .await
        .unwrap_err();
    api.get("/users/dora").await.refused(404, "not_found");

    clock.turn(TimeDelta::hours(24));
    let free = post(&api, "/users", "after", &json!({"name": "emil"})).await;
    assert_eq!((free.status, free.replayed), (201, false), "{}", free.body);
}
