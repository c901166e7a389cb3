//! Nobody stays a second longer than it may.
use super::{SOON, token};
use crate::support::{
    Stopwatch,
    api::Api,
    house::House,
    people::PASSWORD,
    redis::RedisServer,
    socket::{Socket, of, open},
    stream::Stream,
};
use chrono::Utc;
use hywarden::{
    models::{Role, SessionId, UserId},
    services::callers::Caller,
};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use uuid::Uuid;

/// The event stream: by Bearer, in the form of the standard, going on where it ended, ended with its token.
#[tokio::test(flavor = "multi_thread")]
async fn w1_the_event_stream_follows_and_ends_with_its_token() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let api = token(&local, &house, "t", &["live:read", "events:read"]).await;
    let get = || api.request(Method::GET, "/events/stream?topics=events");
    let mut stream = Stream::open(get()).await;
    stream.until("event: subscribed").await;
    local.post("/groups", json!({"name": "one"})).await.is(201);
    stream.until("group.created").await;
    stream.until("\"one\"").await;
    let id = stream.last_id();
    drop(stream);
    local.post("/groups", json!({"name": "two"})).await.is(201);
    let mut stream = Stream::open(get().header("last-event-id", id)).await;
    stream.until("\"two\"").await;
    let text = &stream.text;
    assert!(!text.contains("\"one\"") && !text.contains("event: resync"));
    drop(stream);
    let mut stream = Stream::open(get().header("last-event-id", "elsewhere:3")).await;
    stream.until("event: resync").await;
    local.delete("/tokens/t").await.is(200);
    let started = Stopwatch::start();
    stream.shown_out().await;
    assert!(started.took() < SOON, "{:?}", started.took());
    local
        .get("/events/stream?topics=nonsense")
        .await
        .wrong(&["topics"]);
    api.get("/events/stream")
        .await
        .refused(401, "unauthenticated");
}

/// W1: who names no topic follows what it may: all events, what is its own, or how many are online.
#[tokio::test(flavor = "multi_thread")]
async fn w1_a_stream_follows_what_its_caller_may() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let usual = async |api: &Api| {
        let mut stream = Stream::of(api).await;
        stream.until("event: subscribed").await;
        stream.until("]").await;
        let topics = stream.text.split("\"topics\":").nth(1).unwrap();
        topics.split(']').next().unwrap().to_owned()
    };
    let narrow = token(&local, &house, "narrow", &["live:read"]).await;
    assert_eq!(usual(&narrow).await, "[\"overview\"");
    let wide = token(&local, &house, "wide", &["live:read", "events:read"]).await;
    assert_eq!(usual(&wide).await, "[\"events\"");
    let user = house.person("anna", "user").await;
    assert_eq!(usual(&user.api).await, "[\"me\"");
    let other = token(&local, &house, "other", &["users:read"]).await;
    other.get("/events/stream").await.refused(403, "forbidden");
}

/// Everything that somebody holds open on one instance.
struct Held {
    what: String,
    socket: Socket,
    stream: Stream,
}

impl Held {
    async fn open(what: &str, house: &House, api: &Api) -> Self {
        let mut socket = of(&house.url(), api).await;
        let answer = socket.follow(&["events"]).await;
        assert_eq!(answer["op"], "subscribed", "{what}");
        let stream = Stream::of(api).await;
        Self {
            what: what.to_owned(),
            socket,
            stream,
        }
    }

    /// Both end within a second.
    async fn ends(mut self) {
        let started = Stopwatch::start();
        assert_eq!(
            self.socket.closed().await,
            Some(CloseCode::Policy),
            "{}",
            self.what
        );
        self.stream.shown_out().await;
        let took = started.took();
        assert!(took < SOON, "{}: {took:?}", self.what);
    }

    /// Both go on: the next event comes.
    async fn goes_on(&mut self, local: &Api, group: &str) {
        local.post("/groups", json!({"name": group})).await.is(201);
        self.socket
            .until(|m| m["data"]["data"]["name"] == group)
            .await;
        self.stream.until(&format!("\"{group}\"")).await;
    }
}

/// W2, S8: a logout, another role, a suspension, a new password, a deletion: sockets and streams end within a second, and
/// only those of whom it was about.
#[tokio::test(flavor = "multi_thread")]
async fn w2_sockets_and_streams_end_with_the_login() {
    let house = House::start(&[("logins.tries", "1000")]).await;
    let local = Api::local(&house);
    let other = house.person("other", "admin").await;
    let mut other = Held::open("another's", &house, &other.api).await;
    for (n, what) in [
        "logout",
        "logout elsewhere",
        "demotion",
        "promotion",
        "suspension",
        "password",
        "deletion",
        "erasure",
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("p{n}");
        let person = house.person(&name, "admin").await;
        let second = house.login(&name).await;
        let held = Held::open(what, &house, &person.api).await;
        let path = format!("/users/{name}");
        let role = |role: &str| json!({"role": role});
        match what {
            "logout" => person.api.post("/auth/logout", json!({})).await.is(204),
            "logout elsewhere" => {
                let one = format!("/auth/sessions/{}", person.session);
                second.api.delete(&one).await.is(204)
            }
            "demotion" => local.patch(&path, role("readonly")).await.is(200),
            "promotion" => local.patch(&path, role("superadmin")).await.is(200),
            "suspension" => local
                .post(&format!("{path}/suspend"), json!({}))
                .await
                .is(200),
            "password" => {
                let body =
                    json!({"current_password": PASSWORD, "new_password": "hills and more hills"});
                second.api.post("/auth/change-password", body).await.is(204)
            }
            "deletion" => local.delete(&path).await.is(200),
            _ => local.delete(&format!("{path}?hard=true")).await.body,
        };
        held.ends().await;
        other.goes_on(&local, &format!("g{n}")).await;
    }
}

/// W2, S10: also what a token holds open, when it is revoked, runs out, or its owner is no longer who it was.
#[tokio::test(flavor = "multi_thread")]
async fn w2_sockets_and_streams_end_with_the_token() {
    let house = House::start(&[("logins.tries", "1000")]).await;
    let local = Api::local(&house);
    let scopes = json!(["live:read", "events:read", "users:write"]);
    for (n, what) in ["revoked", "demoted", "suspended", "password", "expired"]
        .into_iter()
        .enumerate()
    {
        let name = format!("p{n}");
        let owner = house.person(&name, "admin").await;
        let body = json!({"name": name, "scopes": scopes});
        let made = owner.api.post("/tokens", body).await.is(201);
        let api = Api::remote(&house, made["secret"].as_str());
        let mut held = Held::open(what, &house, &api).await;
        held.goes_on(&local, &name).await;
        match what {
            "revoked" => drop(local.delete(&format!("/tokens/{name}")).await.is(200)),
            "demoted" => drop(
                local
                    .patch(&format!("/users/{name}"), json!({"role": "readonly"}))
                    .await
                    .is(200),
            ),
            "suspended" => drop(
                local
                    .post(&format!("/users/{name}/suspend"), json!({}))
                    .await
                    .is(200),
            ),
            "password" => house.password(&name, "hills and more hills").await,
            _ => {
                let past =
                    format!("UPDATE api_tokens SET expires_at = now() WHERE name = '{name}'");
                house.test.execute(&past).await;
            }
        }
        held.ends().await;
    }
}

/// W2: also on another instance, with Redis and without it.
#[tokio::test(flavor = "multi_thread")]
async fn w2_another_instance_ends_them_too_with_redis_or_without() {
    let mut redis = RedisServer::start().await;
    let url = redis.url();
    let settings = [("redis.url", url.as_str()), ("logins.tries", "1000")];
    let here = House::start(&settings).await;
    let there = House::beside(&here, &settings).await;
    let local = Api::local(&here);
    let mut people = Vec::new();
    for n in 0..4 {
        people.push(here.person(&format!("p{n}"), "admin").await);
    }
    for with_redis in [true, false] {
        if !with_redis {
            redis.kill();
        }
        let (leaver, loser) = (people.pop().unwrap(), people.pop().unwrap());
        let name = format!("t{with_redis}");
        let body = json!({"name": name, "scopes": ["live:read", "events:read"]});
        let made = local.post("/tokens", body).await.is(201);
        let secret = made["secret"].as_str().unwrap();
        let mut all = Vec::new();
        for house in [&here, &there] {
            for (what, auth) in [
                ("logout", &*leaver.access),
                ("demotion", &*loser.access),
                ("token", secret),
            ] {
                let api = Api::remote(house, Some(auth));
                // without Redis a ticket is good where it was made, and that is here
                all.push(Held::open(&format!("{what}, Redis {with_redis}"), house, &api).await);
            }
        }
        leaver.api.post("/auth/logout", json!({})).await.is(204);
        local
            .patch(&format!("/users/{}", loser.name), json!({"role": "user"}))
            .await
            .is(200);
        local.delete(&format!("/tokens/{name}")).await.is(200);
        futures_util::future::join_all(all.into_iter().map(Held::ends)).await;
    }
}

/// W1, W2: a person follows what is its own, and is out within a second when its login ends, its role changes, or it is
/// suspended.
#[tokio::test(flavor = "multi_thread")]
async fn w2_a_person_is_out_when_its_login_ends_or_its_role_changes() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let own = api.post("/users", json!({"name": "own"})).await.is(201);
    let other = api.post("/users", json!({"name": "other"})).await.is(201);
    let mut devices = Vec::new();
    for name in ["own", "other"] {
        let made = api
            .post(&format!("/users/{name}/devices"), json!({"name": "d"}))
            .await
            .is(201);
        devices.push(format!("device:{}", made["id"].as_str().unwrap()));
    }
    let id = |user: &Value| Uuid::parse_str(user["id"].as_str().unwrap()).unwrap();
    let live = &house.services().live;
    for (n, ends) in [
        "UPDATE sessions SET ended_at = now(), ended = 'logout'",
        "UPDATE sessions SET expires_at = now()",
        "UPDATE users SET role = 'admin' WHERE name = 'own'",
        "UPDATE users SET suspended_at = now() WHERE name = 'own'",
        "UPDATE users SET deleted_at = now() WHERE name = 'own'",
    ]
    .into_iter()
    .enumerate()
    {
        let login = Uuid::from_u128(n as u128 + 1);
        let row = format!(
            "UPDATE users SET role = 'user', suspended_at = NULL, deleted_at = NULL WHERE name = 'own';
             INSERT INTO sessions (id, user_no, kind, created_at, fresh_at, used_at, expires_at)
             SELECT '{login}', number, 'token', now(), now(), now(), now() + interval '1 hour' FROM users WHERE name = 'own'"
        );
        house.test.execute(&row).await;
        let number = house
            .services()
            .users
            .number(&"own".into())
            .await
            .unwrap()
            .unwrap();
        let who = Caller::person(
            UserId(id(&own)),
            number,
            Role::User,
            SessionId(login),
            Utc::now(),
        );
        let ticket = live.ticket(&who).await.unwrap();
        let protocol = format!("hywarden.v1, ticket.{}", ticket.expose_secret());
        let mut socket = open(&house.url(), &protocol, &[]).await.unwrap();
        let (mine, foreign) = (format!("user:{}", id(&own)), format!("user:{}", id(&other)));
        for (topic, allowed) in [
            ("me", true),
            (mine.as_str(), true),
            (devices[0].as_str(), true),
            (foreign.as_str(), false),
            (devices[1].as_str(), false),
            ("events", false),
            ("overview", false),
            ("users:x", false),
        ] {
            socket.say(json!({"op": "sub", "topics": [topic]})).await;
            let answer = socket.until(|m| m["op"].is_string()).await;
            assert_eq!(answer["op"] == "subscribed", allowed, "{topic} {answer}");
        }
        let started = Stopwatch::start();
        house.test.execute(ends).await;
        assert_eq!(socket.closed().await, Some(CloseCode::Policy), "{ends}");
        assert!(started.took() < SOON, "{ends}: {:?}", started.took());
        // a ticket of a login that is no more opens nothing
        if n != 2 {
            let late = live.ticket(&who).await.unwrap();
            let late = format!("hywarden.v1, ticket.{}", late.expose_secret());
            assert_eq!(
                open(&house.url(), &late, &[]).await.err().unwrap().0,
                401,
                "{ends}"
            );
        }
    }
}
