//! Webhooks: security.md O1 to O4.
mod erased;
mod given_up;
mod guard;
mod rounds;

use crate::support::{
    api::Api,
    clock::TurnedClock,
    database::database,
    house::House,
    receiver::{ENDLESS, HELD, Receiver, UNFINISHED},
    until,
};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

async fn house(receiver: &Receiver, clock: Option<Arc<TurnedClock>>) -> House {
    let port = receiver.port.to_string();
    let ca = receiver.ca.to_str().unwrap().to_owned();
    let settings = [
        ("webhooks.ports", port.as_str()),
        ("webhooks.allowed_cidrs", "127.0.0.1/32"),
        ("webhooks.ca_file", ca.as_str()),
        ("webhooks.timeout", "2s"),
    ];
    match clock {
        Some(clock) => House::on(database().await, clock, &settings).await,
        None => House::start(&settings).await,
    }
}

async fn hook(api: &Api, url: &str, events: Value) -> (String, String) {
    let body = json!({"name": format!("hook {url}"), "url": url, "events": events});
    let made = api.post("/webhooks", body).await.is(201);
    let text = |key: &str| made[key].as_str().unwrap().to_owned();
    (text("id"), text("secret"))
}

/// Its deliveries in a state, newest first.
async fn log(api: &Api, id: &str, state: &str) -> Vec<Value> {
    let path = format!("/webhooks/{id}/deliveries?limit=100&state={state}");
    let page = api.get(&path).await.is(200);
    page["items"].as_array().unwrap().clone()
}

/// Until the delivery log says this of the newest delivery.
async fn newest(api: &Api, id: &str, state: &str, attempts: i64) -> Value {
    let found = Mutex::new(Value::Null);
    until(async || {
        let page = api.get(&format!("/webhooks/{id}/deliveries")).await.is(200);
        let newest = page["items"][0].clone();
        let fits = newest["state"] == state && newest["attempts"] == attempts;
        *found.lock().unwrap() = newest;
        fits
    })
    .await;
    found.into_inner().unwrap()
}

/// PyPI's and npm's `standardwebhooks`, as a receiver would use it: what it makes of these deliveries.
fn verified(cases: &Value) -> String {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    assert!(
        Command::new(root.join("tests/peers/install"))
            .status()
            .unwrap()
            .success()
    );
    let script = "
import json, sys
from standardwebhooks import Webhook
said = []
for case in json.loads(sys.argv[1]):
    try:
        Webhook(case['secret']).verify(case['body'], case['headers'])
        said.append('right')
    except Exception as why:
        said.append(type(why).__name__)
print(' '.join(said))";
    let python = root.join("target/peers/venv/bin/python");
    let out = Command::new(python)
        .args(["-c", script, &cases.to_string()])
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let said = String::from_utf8(out.stdout).unwrap().trim().to_owned();
    assert_eq!(
        by_node(cases),
        said.replace("WebhookVerificationError", "wrong")
    );
    said
}

/// The same by npm's `standardwebhooks`.
fn by_node(cases: &Value) -> String {
    let script = "
const { Webhook } = require('standardwebhooks');
console.log(JSON.parse(process.argv[1]).map(({ secret, body, headers }) => {
    try { new Webhook(secret).verify(body, headers); return 'right' } catch { return 'wrong' }
}).join(' '))";
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let out = Command::new("node")
        .args(["-e", script, &cases.to_string()])
        .env("NODE_PATH", root.join("target/peers/npm/node_modules"))
        .output()
        .unwrap();
    let why = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{why}");
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

/// O4: signed as Standard Webhooks say, verified by somebody else's library; two secrets during a rotation.
#[tokio::test(flavor = "multi_thread")]
async fn o4_deliveries_are_signed_and_arrive_in_order() {
    let receiver = Receiver::start();
    let house = house(&receiver, None).await;
    let api = Api::local(&house);
    let (id, secret) = hook(&api, &receiver.url("/a"), json!(["user.*"])).await;
    assert!(secret.starts_with("whsec_"));
    api.post("/users", json!({"name": "bob"})).await.is(201);
    for verb in ["suspend", "activate", "suspend", "activate"] {
        api.post(&format!("/users/bob/{verb}"), json!({}))
            .await
            .is(200);
    }
    api.post("/groups", json!({"name": "not-wanted"}))
        .await
        .is(201);
    let got = receiver.got(5).await;
    let kinds: Vec<Value> = got
        .iter()
        .map(|one| serde_json::from_str::<Value>(&one.body).unwrap()["type"].clone())
        .collect();
    let expected = [
        "user.created",
        "user.suspended",
        "user.activated",
        "user.suspended",
        "user.activated",
    ];
    assert_eq!(kinds, expected, "a user's events arrive in their order");
    let body: Value = serde_json::from_str(&got[0].body).unwrap();
    assert_eq!(body["data"]["user"], "bob");
    assert!(body["timestamp"].is_string());
    assert!(got[0].headers["webhook-id"].starts_with("msg_"));

    let rotated = api
        .post(&format!("/webhooks/{id}/rotate-secret"), json!({}))
        .await
        .is(200);
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert_ne!(second, secret);
    api.post("/users/bob/suspend", json!({})).await.is(200);
    let got = receiver.got(6).await;
    let signatures = &got[5].headers["webhook-signature"];
    assert_eq!(
        signatures.split(' ').count(),
        2,
        "both sign during the rotation"
    );
    let mut bent = got[5].clone();
    bent.body = bent.body.replace("bob", "eve");
    let mut old = got[5].clone();
    old.headers.insert(
        "webhook-timestamp".into(),
        (Utc::now().timestamp() - 301).to_string(),
    );
    let case = |one: &crate::support::receiver::Received, secret: &str| json!({"secret": secret, "body": one.body, "headers": one.headers});
    let cases = json!([
        case(&got[0], &secret),
        case(&got[5], &secret),
        case(&got[5], &second),
        case(&got[0], &second),
        case(&bent, &secret),
        case(&old, &secret),
    ]);
    let wrong = "WebhookVerificationError";
    assert_eq!(
        verified(&cases),
        format!("right right right {wrong} {wrong} {wrong}")
    );

    // nobody is shown a secret again, or what a receiver answered
    for path in [
        format!("/webhooks/{id}"),
        "/webhooks".to_owned(),
        format!("/webhooks/{id}/deliveries"),
    ] {
        let text = api.get(&path).await.text;
        assert!(
            !text.contains("whsec_") && !text.contains("secret answer"),
            "{text}"
        );
    }
    let dump = crate::rest::secrets::dump(&house.test.url);
    assert!(!dump.contains(&secret["whsec_".len()..]) && !dump.contains("secret answer"));
}

/// O4: retried until it is taken, the same id each time; a dead receiver delays nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn o4_a_dead_receiver_is_retried_and_delays_nobody() {
    let (dead, living) = (Receiver::start(), Receiver::start());
    let clock = Arc::new(TurnedClock::at(Utc::now()));
    let ports = format!("{}, {}", dead.port, living.port);
    let both = tempfile::tempdir().unwrap();
    let ca = both.path().join("ca.pem");
    let pems: Vec<String> = [&dead, &living]
        .iter()
        .map(|r| std::fs::read_to_string(&r.ca).unwrap())
        .collect();
    std::fs::write(&ca, pems.concat()).unwrap();
    let settings = [
        ("webhooks.ports", ports.as_str()),
        ("webhooks.allowed_cidrs", "127.0.0.1/32"),
        ("webhooks.ca_file", ca.to_str().unwrap()),
        // longer than anybody here waits
        ("webhooks.timeout", "40s"),
    ];
    let house = House::on(database().await, clock.clone(), &settings).await;
    let api = Api::local(&house);
    let (dead_id, _) = hook(&api, &dead.url("/dead"), json!(["group.*"])).await;
    hook(&api, &living.url("/living"), json!([])).await;
    dead.answers(HELD);
    for n in 0..20 {
        api.post("/groups", json!({"name": format!("g{n}")}))
            .await
            .is(201);
    }
    // the receivers' own making is told, too, to those that were there
    living.got(20).await;
    dead.got(1).await;
    let log = format!("/webhooks/{dead_id}/deliveries?limit=100");
    let page = api.get(&log).await.is(200);
    let mut items = page["items"].as_array().unwrap().iter();
    let open = items.all(|d| d["attempts"] == 0 && d["state"] == "waiting");
    assert!(open, "its first call is still open: {page}");
    // it rests: one attempt at a time, later and later, until it answers again
    dead.answers(500);
    let log = format!("{log}&state=waiting");
    let waiting = Mutex::new(Value::Null);
    until(async || {
        let page = api.get(&log).await.is(200);
        let mut items = page["items"].as_array().unwrap().iter();
        let tried = items.find(|d| d["attempts"] == 1).cloned();
        *waiting.lock().unwrap() = tried.clone().unwrap_or_default();
        tried.is_some()
    })
    .await;
    assert_eq!(waiting.lock().unwrap()["last_status"], 500);
    let shown = api.get(&format!("/webhooks/{dead_id}")).await.is(200);
    assert!(shown["failures"].as_i64().unwrap() > 0 && shown["resting_until"].is_string());
    dead.answers(204);
    let before = dead.got(1).await.len();
    clock.turn(TimeDelta::minutes(10));
    let got = dead.got(before + 20).await;
    let again = got
        .iter()
        .filter(|one| one.headers["webhook-id"] == got[0].headers["webhook-id"]);
    assert!(again.count() >= 2, "the same id at every attempt");
    for n in 0..20 {
        assert!(
            got.iter()
                .any(|one| one.body.contains(&format!("\"g{n}\""))),
            "g{n} is not lost"
        );
    }
}

/// O3: redirects are not followed, the answer is nobody's to see, 410 turns it off; test and resend.
#[tokio::test(flavor = "multi_thread")]
async fn o3_answers_are_taken_for_what_they_are() {
    let receiver = Receiver::start();
    let house = house(&receiver, None).await;
    let api = Api::local(&house);
    let (id, secret) = hook(&api, &receiver.url("/t"), json!(["group.*"])).await;
    let tested = api
        .post(&format!("/webhooks/{id}/test"), json!({}))
        .await
        .is(200);
    assert_eq!(
        (&tested["delivered"], &tested["delivery"]["last_status"]),
        (&json!(true), &json!(200))
    );
    let got = receiver.got(1).await;
    let case = json!([{"secret": secret, "body": got[0].body, "headers": got[0].headers}]);
    assert_eq!(verified(&case), "right");
    receiver.answers(302);
    let tested = api
        .post(&format!("/webhooks/{id}/test"), json!({}))
        .await
        .is(200);
    assert_eq!(
        (&tested["delivered"], &tested["delivery"]["last_status"]),
        (&json!(false), &json!(302))
    );
    receiver.got(2).await;

    receiver.answers(200);
    api.post("/groups", json!({"name": "g"})).await.is(201);
    let delivered = newest(&api, &id, "delivered", 1).await;
    let delivery = delivered["id"].as_str().unwrap();
    let again = api
        .post(
            &format!("/webhooks/{id}/deliveries/{delivery}/resend"),
            json!({}),
        )
        .await;
    assert_eq!(again.is(202)["state"], "waiting");
    let got = receiver.got(4).await;
    assert_eq!(
        (&got[2].body, &got[2].headers["webhook-id"]),
        (&got[3].body, &got[3].headers["webhook-id"])
    );
    receiver.answers(410);
    api.post("/groups", json!({"name": "h"})).await.is(201);
    receiver.got(5).await;
    let is_off = async || {
        let shown = api.get(&format!("/webhooks/{id}")).await.is(200);
        shown["enabled"] == false
    };
    until(is_off).await;
    let shown = api.get(&format!("/webhooks/{id}")).await.is(200);
    assert!(shown["disabled_reason"].as_str().unwrap().contains("410"));
    api.post(
        &format!("/webhooks/{id}/deliveries/{delivery}/resend"),
        json!({}),
    )
    .await
    .refused(409, "state");
    let edited = api
        .patch(&format!("/webhooks/{id}"), json!({"enabled": true}))
        .await
        .is(200);
    assert_eq!(
        (&edited["enabled"], &edited["disabled_reason"]),
        (&json!(true), &json!(null))
    );

    api.patch(&format!("/webhooks/{id}"), json!({"secret": "x"}))
        .await
        .wrong(&["secret"]);
    api.patch(
        &format!("/webhooks/{id}"),
        json!({"url": "https://127.0.0.2/"}),
    )
    .await
    .wrong(&["url"]);
    api.post(
        "/webhooks",
        json!({"name": "", "url": "x", "events": ["User"]}),
    )
    .await
    .wrong(&["name", "url", "events"]);
    let twice = json!({"name": format!("HOOK {}", receiver.url("/t")), "url": receiver.url("/")});
    api.post("/webhooks", twice).await.refused(409, "duplicate");
    api.post(&format!("/webhooks/{id}/deliveries/{id}/resend"), json!({}))
        .await
        .refused(404, "not_found");
    api.delete(&format!("/webhooks/{id}")).await.is(204);
    api.get(&format!("/webhooks/{id}"))
        .await
        .refused(404, "not_found");
}

/// O3: five seconds at most (two here) and 64 KiB of an answer: what has no end ends, what does not go on has failed.
#[tokio::test(flavor = "multi_thread")]
async fn o3_an_answer_is_bounded() {
    let receiver = Receiver::start();
    let house = house(&receiver, None).await;
    let api = Api::local(&house);
    let (id, _) = hook(&api, &receiver.url("/t"), json!(["no.kind"])).await;
    let test = format!("/webhooks/{id}/test");
    receiver.answers(ENDLESS);
    let tested = api.post(&test, json!({})).await.is(200);
    assert_eq!(
        (&tested["delivered"], &tested["delivery"]["last_error"]),
        (&json!(true), &json!(null))
    );
    for silent in [UNFINISHED, 0] {
        receiver.answers(silent);
        let since = std::time::Instant::now();
        let tested = api.post(&test, json!({})).await.is(200);
        assert_eq!(tested["delivered"], false);
        assert_eq!(tested["delivery"]["last_error"], "timeout", "{tested}");
        assert!(since.elapsed().as_secs() < 5);
    }
}
