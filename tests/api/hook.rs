//! The auth hook over real HTTP: who calls, what is asked, and that nothing that a node sends makes it fail.
use crate::support::house::{House, device, user};
use hywarden::{
    admission::Code,
    services::{
        callers::Caller, idempotency::Keep, nodes::NodeReady, store::Seen, users::EditUser,
    },
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

struct Hook {
    house: House,
    url: Url,
    http: reqwest::Client,
}

fn hook_url(node: &NodeReady) -> Url {
    node.config.hook_url.expose_secret().parse().unwrap()
}

impl Hook {
    async fn start() -> Self {
        let house = House::start(&[]).await;
        let url = hook_url(&house.node("fra1", 9).await);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { house, url, http }
    }
    async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, Value) {
        let answer = self
            .http
            .post(self.url.clone())
            .body(body)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or(Value::Null))
    }
    async fn ask(&self, auth: &str) -> bool {
        let (status, answer) = self
            .post(json!({"addr": "192.0.2.1:4", "auth": auth, "tx": 0}).to_string())
            .await;
        assert_eq!(status, 200);
        assert_eq!(
            answer["ok"] == true,
            answer["id"] != "",
            "an id with a yes, and only then"
        );
        answer["ok"] == true
    }
    fn counted(&self, code: Code) -> u64 {
        let node = self.house.parts().directory.node_named("fra1").unwrap();
        node.decisions().find(|(c, _)| *c == code).unwrap().1
    }
    /// Writes bytes, gives what comes back until the other side closes or falls silent.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut socket = TcpStream::connect(self.house.app.addresses.api)
            .await
            .unwrap();
        // it may refuse before everything was written
        socket.write_all(bytes).await.ok();
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(15), socket.read_to_end(&mut answer))
            .await
            .ok();
        String::from_utf8_lossy(&answer).into_owned()
    }
    fn head(&self, more: &str) -> String {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let pair = format!("{}:{}", self.url.username(), self.url.password().unwrap());
        let auth = BASE64_STANDARD.encode(pair);
        format!(
            "POST {} HTTP/1.1\r\nHost: h\r\nAuthorization: Basic {auth}\r\n{more}\r\n",
            self.url.path()
        )
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_credential_gets_a_new_id_each_time() {
    let hook = Hook::start().await;
    let made = hook.house.device(user("alice"), device("phone")).await;
    let body = json!({"addr": "192.0.2.1:4", "auth": made.secret.expose_secret(), "tx": u64::MAX, "later": {"field": []}});
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (status, answer) = hook.post(body.to_string()).await;
        assert_eq!((status, &answer["ok"]), (200, &json!(true)));
        ids.push(answer["id"].as_str().unwrap().to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| id.len() <= 64));
    // the second form of the URL
    let secret = hook.url.password().unwrap();
    let path = format!("{}{}/{secret}", hook.house.url(), hook.url.path());
    let answer: Value = hook
        .http
        .post(path)
        .body(body.to_string())
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_body_it_is_a_refusal_and_counted() {
    let hook = Hook::start().await;
    let long = "x".repeat(1025);
    let deep = "[".repeat(10_000);
    for (body, code) in [
        ("", Code::Malformed),
        ("null", Code::Malformed),
        ("{}", Code::Malformed),
        (r#"{"auth":7}"#, Code::Malformed),
        (r#"{"auth":"x"}}"#, Code::Malformed),
        ("{\"auth\":\"\u{0}\"}", Code::Malformed),
        (deep.as_str(), Code::Malformed),
        (&json!({"auth": long}).to_string(), Code::Malformed),
        (r#"{"auth":""}"#, Code::UnknownCredential),
        (
            r#"{"auth":"nobody's","addr":17,"tx":-1}"#,
            Code::UnknownCredential,
        ),
        (
            r#"{"auth":"nobody's","addr":"[::1]:65536"}"#,
            Code::UnknownCredential,
        ),
        (r#"{"auth":"hy1_mistyped"}"#, Code::BadSecret),
    ] {
        let before = hook.counted(code);
        let (status, answer) = hook.post(body.to_owned()).await;
        assert_eq!(
            (status, answer),
            (200, json!({"ok": false, "id": ""})),
            "{body:.40}"
        );
        assert_eq!(hook.counted(code), before + 1, "{body:.40} is {code}");
    }
    let (status, _) = hook.post(vec![0xff, 0xfe]).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_node_itself_is_answered() {
    let hook = Hook::start().await;
    let made = hook.house.device(user("alice"), device("phone")).await;
    let other = hook_url(&hook.house.node("ams1", 10).await);
    let body = json!({"addr": "", "auth": made.secret.expose_secret(), "tx": 0}).to_string();
    let base = hook.house.url();
    let mut wrong = hook.url.clone();
    wrong.set_password(Some("wrong")).unwrap();
    let mut others = hook.url.clone();
    others.set_username(other.username()).unwrap();
    others.set_password(other.password()).unwrap();
    let nowhere = format!("{base}/hook/v1/nowhere/secret");
    let naked = format!("{base}{}", hook.url.path());
    let before = hook.counted(Code::Ok);
    for url in [
        wrong.as_str(),
        others.as_str(),
        &nowhere,
        &naked,
        &format!("{naked}/wrong"),
        &format!("{naked}/"),
    ] {
        let answer = hook.http.post(url).body(body.clone()).send().await.unwrap();
        let status = answer.status().as_u16();
        assert!([401, 404].contains(&status), "{url}: {status}");
        let said = answer.text().await.unwrap();
        assert!(!said.contains("\"ok\":true"), "{url}: {said}");
    }
    assert_eq!(
        hook.counted(Code::Ok),
        before,
        "no credential was looked at"
    );
    assert!(hook.counted(Code::NodeSecretBad) >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_keeps_the_connection_and_an_oversized_body_ends_it() {
    let hook = Hook::start().await;
    // 401 after the body was read: the second request on the same connection is answered
    let bad = "POST /hook/v1/nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    let last = "POST /hook/v1/nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let answer = hook.raw(format!("{bad}{last}").as_bytes()).await;
    assert_eq!(answer.matches("401 Unauthorized").count(), 2, "{answer}");

    let large = hook.head(&format!("Content-Length: {}\r\n", 1 << 30));
    let answer = hook
        .raw(&[large.as_bytes(), &vec![b'x'; 64 * 1024]].concat())
        .await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(
        answer.to_lowercase().contains("connection: close"),
        "{answer}"
    );

    let coded =
        hook.head("Content-Encoding: br\r\nConnection: close\r\nContent-Length: 4\r\n") + "abcd";
    assert!(hook.raw(coded.as_bytes()).await.starts_with("HTTP/1.1 415"));

    // a body that never comes ends by itself, before Hysteria gives up
    let slow = hook.head("Content-Length: 100\r\n") + "{\"au";
    assert!(hook.raw(slow.as_bytes()).await.starts_with("HTTP/1.1 408"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_force_when_its_call_returns() {
    let hook = Hook::start().await;
    let made = hook.house.device(user("alice"), device("phone")).await;
    let (secret, services) = (made.secret.expose_secret(), hook.house.services());
    let (alice, phone) = ("alice".into(), made.detail.device.id);
    assert!(hook.ask(secret).await);
    services
        .users
        .suspend(&Caller::trusted("test"), &alice)
        .await
        .unwrap();
    assert!(!hook.ask(secret).await);
    services
        .users
        .activate(&Caller::trusted("test"), &alice)
        .await
        .unwrap();
    assert!(hook.ask(secret).await);
    services
        .devices
        .block(&Caller::trusted("test"), phone)
        .await
        .unwrap();
    assert!(!hook.ask(secret).await);
    services
        .devices
        .unblock(&Caller::trusted("test"), phone)
        .await
        .unwrap();
    assert!(hook.ask(secret).await);
    let none = EditUser {
        quota: Some(Some(0)),
        ..EditUser::default()
    };
    services
        .users
        .edit(&Caller::trusted("test"), &alice, &none, &Seen::Anything)
        .await
        .unwrap();
    assert!(!hook.ask(secret).await);
    let free = EditUser {
        quota: Some(None),
        ..EditUser::default()
    };
    services
        .users
        .edit(&Caller::trusted("test"), &alice, &free, &Seen::Anything)
        .await
        .unwrap();
    assert!(hook.ask(secret).await);
    services
        .devices
        .remove(&Caller::trusted("test"), phone)
        .await
        .unwrap();
    assert!(!hook.ask(secret).await);
    let explained = hook.house.services().admission.refusals_of(
        hook.house
            .services()
            .users
            .find(&alice)
            .await
            .unwrap()
            .user
            .number,
    );
    let codes: Vec<_> = explained.iter().rev().map(|r| r.code).collect();
    assert_eq!(
        codes,
        [
            Code::UserSuspended,
            Code::DeviceBlocked,
            Code::QuotaExceeded,
            Code::DeviceRevoked
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_parallel_logins_take_no_more_places_than_there_are() {
    let hook = Hook::start().await;
    let mut capped = user("alice");
    capped.online_limit = Some(3);
    let first = hook.house.device(capped, device("d0")).await;
    let mut secrets = vec![first.secret];
    for n in 1..50 {
        let create = device(&format!("d{n}"));
        let made = hook
            .house
            .services()
            .devices
            .create(
                &Caller::trusted("test"),
                &"alice".into(),
                &create,
                &Keep::nothing(),
            )
            .await
            .unwrap();
        secrets.push(made.secret);
    }
    let logins = (0..200).map(|n| hook.ask(secrets[n % 50].expose_secret()));
    let admitted = futures_util::future::join_all(logins).await;
    let devices: std::collections::BTreeSet<_> = admitted
        .iter()
        .enumerate()
        .filter(|(_, yes)| **yes)
        .map(|(n, _)| n % 50)
        .collect();
    assert_eq!(
        devices.len(),
        3,
        "of 50 devices at once exactly three get in"
    );
    assert!(hook.counted(Code::DeviceLimit) > 0);
}
