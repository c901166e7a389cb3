//! The canary: secrets that go through every door, and are then looked for wherever they must not be.
use crate::support::{api::Api, house::House, people::totp, receiver::Receiver, socket::open};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use fake_node::FakeNode;
use hywarden::telemetry::logs;
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::PathBuf,
    process::Command,
    sync::{Mutex, OnceLock},
};

/// Everything in the database, as text.
pub fn dump(url: &str) -> String {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .unwrap()
        .map(|dir| dir.unwrap().path().join("bin/pg_dump"))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    let out = Command::new(found.last().unwrap())
        .args(["--data-only", "--dbname", url])
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout).unwrap()
}

/// Every log line of this process since the first call.
static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Lines;
impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

pub fn listen_to_logs() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        let subscriber = logs::subscriber("debug,hywarden=trace", || Lines).unwrap();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// The spellings in which a secret could hide.
fn spellings(secret: &str) -> Vec<String> {
    let hex = secret.bytes().map(|b| format!("{b:02x}"));
    vec![
        secret.to_owned(),
        hex.collect::<Vec<_>>().concat(),
        BASE64_STANDARD
            .encode(secret)
            .trim_end_matches('=')
            .to_owned(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_no_secret_is_where_it_must_not_be() {
    listen_to_logs();
    let receiver = Receiver::start();
    let (port, ca) = (receiver.port.to_string(), receiver.ca.to_str().unwrap());
    let house = House::start(&[
        ("webhooks.ports", port.as_str()),
        ("webhooks.allowed_cidrs", "127.0.0.1/32"),
        ("webhooks.ca_file", ca),
    ])
    .await;
    let local = Api::local(&house);
    let stats = FakeNode::start("canary-stats-secret");
    let node = json!({"name": "fra1", "address": "n:443", "stats_url": stats.url(), "stats_secret": "canary-stats-secret",
                      "obfs": "gecko", "obfs_password": "canary-obfs-password"});
    let node = local.post("/nodes", node).await.is(201);
    let token = json!({"name": "t", "scopes": ["*"]});
    let token = local.post("/tokens", token).await.is(201);
    let api = Api::remote(&house, token["secret"].as_str());
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let mut secrets = vec![
        "canary-stats-secret".to_owned(),
        "canary-obfs-password".to_owned(),
        "canary-guess-of-a-stranger".to_owned(),
        "canary-bare-credential".to_owned(),
        "canary:userpass-credential".to_owned(),
        text(&token["secret"]),
    ];
    let hook_secret = |node: &Value| {
        let url: url::Url = text(&node["hook_url"]).parse().unwrap();
        url.password().unwrap().to_owned()
    };
    secrets.push(hook_secret(&node));
    // a receiver that hears of everything from here on
    let hook = json!({"name": "w", "url": receiver.url("/w")});
    let hook = api.post("/webhooks", hook).await.is(201);
    secrets.push(text(&hook["secret"])["whsec_".len()..].to_owned());

    api.post("/users", json!({"name": "bob"})).await.is(201);
    let made = api
        .post("/users/bob/devices", json!({"name": "own"}))
        .await
        .is(201);
    secrets.push(text(&made["secret"]));
    let device = format!("/devices/{}", text(&made["id"]));
    let rotated = api
        .post(&format!("{device}/rotate"), json!({}))
        .await
        .is(200);
    secrets.push(text(&rotated["secret"]));
    for (name, kind, secret) in [
        ("bare", "bare", "canary-bare-credential"),
        ("pair", "userpass", "canary:userpass-credential"),
    ] {
        let body = json!({"name": name, "kind": kind, "secret": secret});
        api.post("/users/bob/devices", body.clone()).await.is(201);
        api.post("/users/bob/devices", body)
            .await
            .refused(409, "duplicate");
    }
    // refused bodies say what is wrong without saying it back
    for body in [
        json!({"name": "x", "kind": "own", "secret": "canary-bare-credential"}),
        json!({"name": "x", "kind": "userpass", "secret": "canary-bare-credential"}),
        json!({"name": "x", "kind": "bare", "secret": ["canary-bare-credential"]}),
    ] {
        api.post("/users/bob/devices", body)
            .await
            .wrong(&["secret"]);
    }
    for path in ["uri", "config", "config?format=sing-box", "qr"] {
        assert_eq!(api.get(&format!("{device}/{path}")).await.status, 200);
    }
    let fresh = api
        .post("/nodes/fra1/rotate-secret", json!({}))
        .await
        .is(200);
    secrets.push(hook_secret(&fresh));
    api.get("/nodes/fra1/config").await.is(200);
    api.post("/nodes/fra1/test", json!({})).await.is(200);
    stats.change_secret("canary-other-secret");
    api.post("/nodes/fra1/test", json!({})).await.is(200);
    api.patch("/nodes/fra1", json!({"stats_secret": "canary-other-secret", "obfs": "salamander", "obfs_password": "canary-second-password"}))
        .await
        .is(200);
    secrets.extend([
        "canary-other-secret".to_owned(),
        "canary-second-password".to_owned(),
    ]);

    // a person who logs in, mistypes, refreshes, sets up codes (K2)
    let nobody = Api::remote(&house, None);
    let wrong = json!({"name": "bob", "password": "canary-mistyped-password"});
    nobody
        .post("/auth/login", wrong)
        .await
        .refused(401, "bad_login");
    let wrong = json!({"name": "canary-password-as-a-name", "password": "x"});
    nobody
        .post("/auth/login", wrong)
        .await
        .refused(401, "bad_login");
    let link = local
        .post("/users/bob/password-link", json!({}))
        .await
        .is(201);
    let link = text(&link["url"]).split('#').nth(1).unwrap().to_owned();
    let set = json!({"token": link, "password": "canary-login-password"});
    nobody.post("/auth/reset-password", set).await.is(204);
    let login = json!({"name": "bob", "password": "canary-login-password"});
    let login = nobody.post("/auth/login", login).await.is(200);
    let refresh = json!({"refresh_token": login["refresh_token"]});
    let next = nobody.post("/auth/refresh", refresh).await.is(200);
    let bob = Api::remote(&house, login["access_token"].as_str());
    let seed = bob.post("/auth/totp", json!({})).await.is(200);
    let code = totp(&text(&seed["secret"]), Utc::now().timestamp(), 0);
    let code = json!({"code": code});
    let codes = bob.post("/auth/totp/confirm", code).await.is(200);
    for wrong in ["000000", "canary-recovery-code"] {
        let body = json!({"name": "bob", "password": "canary-login-password"});
        let asked = nobody.post("/auth/login", body).await.is(202);
        secrets.push(text(&asked["challenge"]));
        let body = json!({"challenge": asked["challenge"], "code": wrong});
        let status = nobody.post("/auth/login/code", body).await.status;
        assert!([401, 422].contains(&status));
    }
    secrets.extend(codes["recovery_codes"].as_array().unwrap().iter().map(text));
    secrets.push("canary-recovery-code".to_owned());
    let ticket = bob.post("/ws-ticket", json!({})).await.is(201);
    secrets.push(text(&ticket["ticket"]));
    let protocol = format!("hywarden.v1, ticket.{}", text(&ticket["ticket"]));
    drop(open(&house.url(), &protocol, &[]).await.unwrap());
    // once more, which is refused
    assert!(open(&house.url(), &protocol, &[]).await.is_err());
    let wrong = json!({"refresh_token": login["refresh_token"], "x": next["refresh_token"]});
    assert_eq!(nobody.post("/auth/refresh", wrong).await.status, 422);
    let rotated = api
        .post("/webhooks/w/rotate-secret", json!({}))
        .await
        .is(200);
    secrets.push(text(&rotated["secret"])["whsec_".len()..].to_owned());
    receiver.answers(500);
    api.post("/webhooks/w/test", json!({})).await.is(200);
    receiver.answers(200);
    let invite = local.post("/auth/invites", json!({})).await.is(201);
    let setup = local.post("/auth/setup-token", json!({})).await.is(201);
    secrets.extend([
        "canary-mistyped-password".to_owned(),
        "canary-password-as-a-name".to_owned(),
        "canary-login-password".to_owned(),
        link,
        text(&login["access_token"]),
        text(&login["refresh_token"]),
        text(&next["refresh_token"]),
        text(&seed["secret"]),
        text(&invite["secret"]),
        text(&setup["url"]).split('#').nth(1).unwrap().to_owned(),
    ]);

    // the hook, in both forms, with right, wrong, mistyped and malformed ones
    let http = reqwest::Client::new();
    let url = text(&fresh["hook_url"]);
    let path = format!("{}/hook/v1/fra1/{}", house.url(), hook_secret(&fresh));
    let mut auths: Vec<String> = secrets.clone();
    auths.push(format!("{}x", text(&rotated["secret"])));
    for auth in &auths {
        for url in [&url, &path] {
            let body = json!({"addr": "192.0.2.1:4", "auth": auth, "tx": 0});
            http.post(url).json(&body).send().await.unwrap();
        }
        http.post(&url)
            .body(format!("{{\"auth\": \"{auth}\""))
            .send()
            .await
            .unwrap();
        let wrong = url.replace(&hook_secret(&fresh), "canary-guess-of-a-stranger");
        http.post(&wrong)
            .json(&json!({"auth": auth}))
            .send()
            .await
            .unwrap();
        Api::remote(&house, Some(auth)).get("/users").await;
    }
    for path in [
        "/users",
        "/users/bob",
        "/users/bob/explain",
        "/users/bob/devices",
        "/devices",
        "/nodes",
        "/nodes/fra1",
        "/groups",
        "/tokens",
        "/events?after=start&limit=100",
        "/decisions?unknown=true",
        "/decisions?user=bob",
        "/stats/connections?all=true",
        "/traffic/users/bob",
        "/quarantine",
        "/hysteria/status",
        "/admin/logs?limit=100",
        "/admin/logs?limit=100&level=warn",
        "/logs/access?limit=100",
        "/logs/error?limit=100",
        "/logs/events?limit=100",
        "/audit?limit=100",
        "/users/bob/audit?limit=100",
        "/users/bob/sessions",
        "/webhooks",
        "/webhooks/w/deliveries?limit=100",
        "/auth/invites",
        "/admin/dashboard",
        "/admin/users",
        "/admin/settings",
        "/admin/keys",
        "/config",
        "/config/validate",
    ] {
        api.get(path).await.is(200);
    }
    api.delete(&device).await.is(200);

    // the answers that are meant to reveal, and only when they say yes
    let reveals = |what: &str, status: u16| {
        let path = what.split('?').next().unwrap();
        let made = [
            "POST /tokens",
            "POST /nodes",
            "POST /users/bob/devices",
            "POST /webhooks",
        ]
        .contains(&path);
        let shown = ["/rotate", "/rotate-secret", "/uri", "/config", "/qr"];
        status < 300 && (made || shown.iter().any(|end| path.ends_with(end)))
    };
    let metrics = format!("http://{}/metrics", house.app.addresses.metrics.unwrap());
    let metrics = http
        .get(metrics)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    // the last thing that happened is told, so all before it was
    api.post("/groups", json!({"name": "last"})).await.is(201);
    let mut told = receiver.got(1).await;
    while !told.iter().any(|one| one.body.contains("\"last\"")) {
        told = receiver.got(told.len() + 1).await;
    }
    let told: Vec<_> = told
        .iter()
        .map(|one| format!("{:?} {}", one.headers, one.body))
        .collect();
    let told = told.join("\n");
    let dump = dump(&house.test.url);
    let logs = String::from_utf8(LINES.lock().unwrap().clone()).unwrap();
    assert!(logs.contains("hywarden::api"), "the log was listened to");
    assert!(
        dump.contains("fra1") && metrics.contains("hywarden_"),
        "the right things are searched"
    );
    for secret in &secrets {
        for spelling in spellings(secret) {
            for (place, text) in [
                ("log", &logs),
                ("metrics", &metrics),
                ("database", &dump),
                ("webhooks", &told),
            ] {
                assert!(
                    !text.contains(&spelling),
                    "{secret} in the {place} as {spelling}"
                );
            }
            for recorded in api.recorded.lock().unwrap().iter() {
                assert!(
                    reveals(&recorded.what, recorded.status) || !recorded.text.contains(&spelling),
                    "{secret} in the answer to {}",
                    recorded.what
                );
            }
        }
    }
}
