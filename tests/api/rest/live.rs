//! The live channel: security.md W1, W2.
use crate::support::{
    api::Api,
    database::database,
    house::House,
    redis::RedisServer,
    socket::{of, open},
};
use chrono::Utc;
use futures_util::SinkExt;
use hywarden::{
    clock::SystemClock,
    models::{Role, SessionId, UserId},
    services::callers::Caller,
};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};
use uuid::Uuid;

async fn token(local: &Api, house: &House, name: &str, scopes: &[&str]) -> Api {
    let made = local
        .post("/tokens", json!({"name": name, "scopes": scopes}))
        .await
        .is(201);
    Api::remote(house, made["secret"].as_str())
}

fn is(kind: &str) -> impl Fn(&Value) -> bool {
    move |message| message["type"] == kind
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_told_as_they_are_committed_and_numbered() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let bob = api.post("/users", json!({"name": "bob"})).await.is(201);
    let id = bob["id"].as_str().unwrap();
    let mut socket = of(&house.url(), &api).await;
    let (user, page) = (format!("user:{id}"), "users:p1");
    socket
        .say(json!({"op": "sub", "topics": ["events", user, page], "ids": {page: [id]}}))
        .await;
    let answer = socket.next().await;
    assert_eq!(
        (&answer["op"], answer["topics"].as_array().unwrap().len()),
        (&json!("subscribed"), 3)
    );
    api.post("/users/bob/suspend", json!({})).await.is(200);
    let mut topics = Vec::new();
    let mut seqs = Vec::new();
    while topics.len() < 3 {
        let message = socket.until(is("user.suspended")).await;
        assert_eq!(
            (&message["data"]["user"], &message["data"]["user_id"]),
            (&json!("bob"), &json!(id))
        );
        topics.push(message["topic"].as_str().unwrap().to_owned());
        seqs.push(message["seq"].as_u64().unwrap());
    }
    topics.sort();
    assert_eq!(topics, ["events", user.as_str(), page]);
    assert!(seqs.is_sorted());
    // what is followed no more is silent; what happens meanwhile is told to others
    socket
        .say(json!({"op": "unsub", "topics": ["events", page]}))
        .await;
    socket.until(|m| m["op"] == "unsubscribed").await;
    api.post("/groups", json!({"name": "g"})).await.is(201);
    api.post("/users/bob/activate", json!({})).await.is(200);
    let next = socket.until(|m| m["type"] != "usage").await;
    assert_eq!(
        (&next["type"], &next["topic"]),
        (&json!("user.activated"), &json!(user))
    );
    socket.say(json!({"op": "ping"})).await;
    assert_eq!(socket.until(|m| m["op"].is_string()).await["op"], "pong");
    for (said, code) in [
        ("no json", "malformed"),
        (
            "{\"op\":\"sub\",\"topics\":[\"nonsense\"]}",
            "unknown_topic",
        ),
        ("{\"op\":\"sub\",\"topics\":[\"users:\"]}", "unknown_topic"),
        ("{\"op\":\"sub\",\"topics\":[],\"extra\":1}", "malformed"),
        ("{\"op\":\"drop\"}", "malformed"),
    ] {
        socket.stream.send(Message::text(said)).await.unwrap();
        let answer = socket.until(|m| m["op"] == "error").await;
        assert_eq!(answer["code"], code, "{said}");
    }
}

/// W2: numbers are an instance's own; who comes back is told what it missed, or to read everything anew.
#[tokio::test(flavor = "multi_thread")]
async fn w2_who_comes_back_misses_nothing_or_is_told_so() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let mut first = of(&house.url(), &api).await;
    first.follow(&["events"]).await;
    api.post("/groups", json!({"name": "g0"})).await.is(201);
    let seen = first.until(is("group.created")).await["seq"]
        .as_u64()
        .unwrap();
    let instance = first.instance.clone();
    drop(first);
    for n in 1..4 {
        api.post("/groups", json!({"name": format!("g{n}")}))
            .await
            .is(201);
    }
    let mut witness = of(&house.url(), &api).await;
    witness
        .say(json!({"op": "sub", "topics": ["events"], "since": seen, "instance": instance}))
        .await;
    let mut second = of(&house.url(), &api).await;
    assert_eq!(second.instance, instance);
    second
        .say(json!({"op": "sub", "topics": ["events"], "since": seen, "instance": instance}))
        .await;
    let mut names = Vec::new();
    let mut subscribed = false;
    while names.len() < 3 || !subscribed {
        let message = second.next().await;
        subscribed |= message["op"] == "subscribed";
        if message["type"] == "group.created" {
            assert!(message["seq"].as_u64().unwrap() > seen);
            names.push(message["data"]["data"]["name"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(names, ["g1", "g2", "g3"]);
    for (since, instance) in [
        (seen, json!("another")),
        (seen, json!(null)),
        (seen + 1_000_000, json!(instance)),
    ] {
        let mut third = of(&house.url(), &api).await;
        third
            .say(json!({"op": "sub", "topics": ["events"], "since": since, "instance": instance}))
            .await;
        assert_eq!(third.next().await["op"], "resync");
        drop(third);
    }
}

/// W1: a ticket is good once, for a moment, in the protocol's header alone; the origin is one that we know.
#[tokio::test(flavor = "multi_thread")]
async fn w1_a_socket_opens_by_a_ticket_alone() {
    let house = House::start(&[("server.allowed_origins", "https://panel.example.com")]).await;
    let local = Api::local(&house);
    let url = house.url();
    let ticket = async || {
        let made = local.post("/ws-ticket", json!({})).await.is(201);
        assert_eq!(
            (&made["expires_in"], &made["protocol"]),
            (&json!(30), &json!("hywarden.v1"))
        );
        format!("hywarden.v1, ticket.{}", made["ticket"].as_str().unwrap())
    };
    let used = ticket().await;
    let socket = open(&url, &used, &[]).await.unwrap();
    assert_eq!(open(&url, &used, &[]).await.err().unwrap().0, 401, "once");
    drop(socket);
    for wrong in [
        "hywarden.v1",
        "hywarden.v1, ticket.",
        "hywarden.v1, ticket.AAAA",
        "ticket",
    ] {
        assert_eq!(
            open(&url, wrong, &[]).await.err().unwrap().0,
            401,
            "{wrong}"
        );
    }
    // neither a token nor a ticket in the URL helps
    let api = token(&local, &house, "t", &["*"]).await;
    api.get("/ws").await.refused(401, "unauthenticated");
    let raw = used.split("ticket.").nth(1).unwrap();
    api.get(&format!("/ws?ticket={raw}"))
        .await
        .refused(401, "unauthenticated");
    for (origin, opens) in [
        ("https://panel.example.com", true),
        (url.as_str(), true),
        ("https://evil.example.com", false),
        ("https://panel.example.com.evil.com", false),
        ("http://panel.example.com", false),
        ("null", false),
    ] {
        let opened = open(&url, &ticket().await, &[("origin", origin)]).await;
        assert_eq!(opened.is_ok(), opens, "{origin}");
        if let Err((status, body)) = opened {
            assert_eq!((status, body.contains("\"origin\"")), (403, true), "{body}");
        }
    }
    // no scope, no ticket
    let narrow = token(&local, &house, "n", &["users:read"]).await;
    narrow
        .post("/ws-ticket", json!({}))
        .await
        .refused(403, "forbidden");
    // 50 at once with one ticket: one gets in
    let one = ticket().await;
    let all = (0..50).map(|_| open(&url, &one, &[]));
    let all = futures_util::future::join_all(all).await;
    assert_eq!(all.iter().filter(|opened| opened.is_ok()).count(), 1);
}

/// W1: every topic needs its scope; W1, W2: who is no longer authorised is out within a second.
#[tokio::test(flavor = "multi_thread")]
async fn w1_topics_need_their_scopes_and_a_revoked_token_is_out() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let id = "01990000-0000-7000-8000-000000000000";
    let topics = [
        ("overview".to_owned(), "system:read"),
        ("jobs".to_owned(), "system:read"),
        ("nodes".to_owned(), "nodes:read"),
        (format!("node:{id}"), "nodes:read"),
        ("users:x".to_owned(), "users:read"),
        (format!("user:{id}"), "users:read"),
        (format!("device:{id}"), "devices:read"),
        ("events".to_owned(), "events:read"),
        ("me".to_owned(), "nobody's"),
    ];
    for scope in [
        "system:read",
        "nodes:read",
        "users:read",
        "devices:read",
        "events:read",
    ] {
        let api = token(&local, &house, scope, &["live:read", scope]).await;
        let mut socket = of(&house.url(), &api).await;
        for (topic, needs) in &topics {
            let answer = {
                socket.say(json!({"op": "sub", "topics": [topic]})).await;
                socket.until(|m| m["op"].is_string()).await
            };
            let expected = if *needs == scope {
                "subscribed"
            } else {
                "error"
            };
            assert_eq!(answer["op"], expected, "{scope} {topic} {answer}");
        }
        let stream = api
            .request(
                reqwest::Method::GET,
                "/events/stream?topics=overview,events",
            )
            .send()
            .await
            .unwrap();
        assert_eq!(stream.status(), 403, "{scope}: one of them is too much");
        drop(stream);
        let started = Instant::now();
        local.delete(&format!("/tokens/{scope}")).await.is(200);
        assert_eq!(socket.closed().await, Some(CloseCode::Policy));
        assert!(
            started.elapsed() < Duration::from_millis(1_500),
            "{:?}",
            started.elapsed()
        );
    }
}

/// W1: at most five connections a principal, messages of 16 KiB, and who does not read loses its place, not the others.
#[tokio::test(flavor = "multi_thread")]
async fn w1_connections_messages_and_slow_clients_are_bounded() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let url = house.url();
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(of(&url, &api).await);
    }
    let sixth = api.post("/ws-ticket", json!({})).await.is(201);
    let sixth = format!("hywarden.v1, ticket.{}", sixth["ticket"].as_str().unwrap());
    let (status, body) = open(&url, &sixth, &[]).await.err().unwrap();
    assert_eq!(
        (status, body.contains("close one first")),
        (409, true),
        "{body}"
    );
    let other = token(&api, &house, "t", &["*"]).await;
    let mut other = of(&url, &other).await;
    other.follow(&["events"]).await;
    let big = json!({"op": "sub", "topics": ["x".repeat(17 << 10)]}).to_string();
    sockets[0].stream.send(Message::text(big)).await.unwrap();
    assert!(matches!(
        sockets[0].closed().await,
        Some(CloseCode::Size) | None
    ));
    sockets[1]
        .stream
        .send(Message::binary(vec![1, 2, 3]))
        .await
        .unwrap();
    assert_eq!(sockets[1].closed().await, Some(CloseCode::Unsupported));

    // this one follows and never reads: its box overflows, and it is let go
    sockets[2].follow(&["events"]).await;
    let hub = &house.services().live.hub;
    let big = "x".repeat(60_000);
    let before = house.parts().metrics.ws_dropped.get();
    for n in 0..1_000 {
        hub.publish("events", "test", &json!({"n": n, "text": big}), false);
        // the other reads along
        let got = other.until(is("test")).await;
        assert_eq!(got["data"]["n"], n);
        if house.parts().metrics.ws_dropped.get() > before {
            break;
        }
    }
    assert!(
        house.parts().metrics.ws_dropped.get() > before,
        "the slow one was dropped"
    );
    let closed = sockets[2].closed().await;
    assert!(
        matches!(closed, Some(CloseCode::Again) | None),
        "{closed:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gauges_are_told_to_whoever_follows() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let bob = api
        .post("/users", json!({"name": "bob", "quota": 1000}))
        .await
        .is(201);
    let device = api
        .post("/users/bob/devices", json!({"name": "d"}))
        .await
        .is(201);
    let (user, device) = (
        format!("user:{}", bob["id"].as_str().unwrap()),
        format!("device:{}", device["id"].as_str().unwrap()),
    );
    for _ in 0..2 {
        // also who comes later is told how it stands
        let mut socket = of(&house.url(), &api).await;
        socket.follow(&["overview", &user, &device, "jobs"]).await;
        let mut seen = std::collections::BTreeMap::new();
        while seen.len() < 4 {
            let message = socket.next().await;
            if let Some(topic) = message["topic"].as_str() {
                seen.insert(topic.to_owned(), message["data"].clone());
            }
        }
        assert_eq!(
            (&seen[&user]["used"], &seen[&user]["quota"]),
            (&json!(0), &json!(1000))
        );
        assert_eq!(seen[&device]["connections"], 0);
        assert_eq!(seen["overview"]["users"], 0);
        assert!(seen["jobs"]["outbox"].is_number());
    }
}

/// The event stream: by Bearer, in the form of the standard, going on where it ended, ended with its token.
#[tokio::test(flavor = "multi_thread")]
async fn w1_the_event_stream_follows_and_ends_with_its_token() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let api = token(&local, &house, "t", &["live:read", "events:read"]).await;
    let get = |last: Option<String>| {
        let request = api.request(reqwest::Method::GET, "/events/stream?topics=events");
        let request = match last {
            Some(id) => request.header("last-event-id", id),
            None => request,
        };
        async move { request.send().await.unwrap() }
    };
    async fn until(answer: &mut reqwest::Response, text: &mut String, what: &str) {
        while !text.contains(what) {
            let chunk = tokio::time::timeout(Duration::from_secs(15), answer.chunk());
            let chunk = chunk
                .await
                .unwrap_or_else(|_| panic!("no {what} in {text}"))
                .unwrap();
            match chunk {
                Some(chunk) => *text += std::str::from_utf8(&chunk).unwrap(),
                None => panic!("ended without {what}: {text}"),
            }
        }
    }
    let mut stream = get(None).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    until(&mut stream, &mut text, "event: subscribed").await;
    local.post("/groups", json!({"name": "one"})).await.is(201);
    until(&mut stream, &mut text, "group.created").await;
    until(&mut stream, &mut text, "\"one\"").await;
    let id = text
        .lines()
        .filter_map(|line| line.strip_prefix("id: "))
        .next_back()
        .unwrap()
        .to_owned();
    drop(stream);
    local.post("/groups", json!({"name": "two"})).await.is(201);
    let mut stream = get(Some(id)).await;
    let mut text = String::new();
    until(&mut stream, &mut text, "\"two\"").await;
    assert!(!text.contains("\"one\"") && !text.contains("event: resync"));
    drop(stream);
    let mut stream = get(Some("elsewhere:3".to_owned())).await;
    let mut text = String::new();
    until(&mut stream, &mut text, "event: resync").await;
    let started = Instant::now();
    local.delete("/tokens/t").await.is(200);
    until(&mut stream, &mut text, "event: end\ndata: \"unauthorised\"").await;
    assert!(
        started.elapsed() < Duration::from_millis(1_500),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(stream.chunk().await.unwrap(), None);
    local
        .get("/events/stream?topics=nonsense")
        .await
        .wrong(&["topics"]);
    api.get("/events/stream")
        .await
        .refused(401, "unauthenticated");
}

/// Two instances: what one commits, the other's clients hear; a ticket of one opens at the other; with Redis gone they
/// still hear, later; a token revoked at one is out at the other.
#[tokio::test(flavor = "multi_thread")]
async fn w2_instances_tell_each_other() {
    let mut redis = RedisServer::start().await;
    let redis_url = redis.url();
    let database = database().await;
    let url = database.url.clone();
    let first = House::on(
        database,
        Arc::new(SystemClock),
        &[("redis.url", redis_url.as_str())],
    )
    .await;
    let keys = first.app.addresses.socket.with_file_name("keys.toml");
    let second = crate::support::database::TestDatabase {
        name: "none".to_owned(),
        url,
    };
    let settings = [
        ("redis.url", redis_url.as_str()),
        ("keys.file", keys.to_str().unwrap()),
    ];
    let second = House::on(second, Arc::new(SystemClock), &settings).await;
    let local = Api::local(&first);
    let api = token(&local, &first, "t", &["*"]).await;
    let elsewhere = Api::local(&second);
    // a ticket of the first opens a socket at the second
    let mut there = of(&second.url(), &api).await;
    assert_eq!(there.follow(&["events"]).await["op"], "subscribed");
    let mut here = of(&first.url(), &api).await;
    here.follow(&["events"]).await;
    assert_ne!(there.instance, here.instance);
    for (n, at) in [&local, &elsewhere, &local].into_iter().enumerate() {
        at.post("/groups", json!({"name": format!("g{n}")}))
            .await
            .is(201);
        for socket in [&mut there, &mut here] {
            let heard = socket.until(is("group.created")).await;
            assert_eq!(
                heard["data"]["data"]["name"],
                format!("g{n}"),
                "once each, in order"
            );
        }
    }
    redis.kill();
    elsewhere
        .post("/groups", json!({"name": "later"}))
        .await
        .is(201);
    for socket in [&mut there, &mut here] {
        let heard = socket.until(is("group.created")).await;
        assert_eq!(heard["data"]["data"]["name"], "later");
    }
    redis.start_again().await;
    local.delete("/tokens/t").await.is(200);
    assert_eq!(there.closed().await, Some(CloseCode::Policy));
    assert_eq!(here.closed().await, Some(CloseCode::Policy));
}

/// An instance that stops tells its clients to come back, and is not held up by them.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_instance_sends_its_clients_away() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let mut socket = of(&house.url(), &api).await;
    let House { app, test, .. } = house;
    let started = Instant::now();
    let (closed, stopped) = tokio::join!(socket.closed(), app.stop());
    stopped.unwrap();
    assert_eq!(closed, Some(CloseCode::Restart));
    assert!(
        started.elapsed() < Duration::from_secs(9),
        "{:?}",
        started.elapsed()
    );
    drop(test);
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
        let started = Instant::now();
        house.test.execute(ends).await;
        assert_eq!(socket.closed().await, Some(CloseCode::Policy), "{ends}");
        assert!(
            started.elapsed() < Duration::from_millis(1_500),
            "{ends}: {:?}",
            started.elapsed()
        );
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
