//! Who gets in, what it may follow, and how much of the channel it may take.
use super::{SOON, is, token};
use crate::support::{
    Stopwatch,
    api::Api,
    deaf::Deaf,
    house::House,
    socket::{of, open},
    until,
};
use futures_util::{SinkExt, StreamExt};
use hywarden::cache::keys::{Key, LiveTicket};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

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
    // 30 s, whether it lies in this instance's memory ...
    let live = &house.services().live;
    for (age, opens) in [(29, true), (31, false)] {
        let ticket = ticket().await;
        for ticket in live.tickets.lock().unwrap().values_mut() {
            ticket.made_at -= Duration::from_secs(age);
        }
        assert_eq!(open(&url, &ticket, &[]).await.is_ok(), opens, "{age} s");
    }
    // ... or in Redis
    assert_eq!(LiveTicket::TTL, Some(Duration::from_secs(30)));
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
        ("overview".to_owned(), "live:read"),
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
            let expected = if [scope, "live:read"].contains(needs) {
                "subscribed"
            } else {
                "error"
            };
            assert_eq!(answer["op"], expected, "{scope} {topic} {answer}");
        }
        let stream = api
            .request(Method::GET, "/events/stream?topics=overview,jobs,events")
            .send()
            .await
            .unwrap();
        assert_eq!(stream.status(), 403, "{scope}: one of them is too much");
        drop(stream);
        let started = Stopwatch::start();
        local.delete(&format!("/tokens/{scope}")).await.is(200);
        assert_eq!(socket.closed().await, Some(CloseCode::Policy));
        assert!(started.took() < SOON, "{:?}", started.took());
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
    // streams count with them
    api.get("/events/stream").await.refused(409, "state");
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
    let metrics = &house.parts().metrics;
    until(async || metrics.ws_clients.get() == 4).await;

    // these follow and never read: what waits for them overflows, and they are let go
    sockets[2].follow(&["events"]).await;
    let stream = api.request(Method::GET, "/events/stream").send().await;
    let stream = stream.unwrap();
    assert_eq!((metrics.ws_clients.get(), metrics.ws_dropped.get()), (5, 0));
    let hub = &house.services().live.hub;
    let big = "x".repeat(60_000);
    let mut n = 0;
    while metrics.ws_dropped.get() < 2 {
        hub.publish("events", "test", &json!({"n": n, "text": big}), false);
        // the other reads along
        let got = other.until(is("test")).await;
        assert_eq!(got["data"]["n"], n);
        n += 1;
    }
    until(async || metrics.ws_clients.get() == 3).await;
    let closed = sockets[2].closed().await;
    assert!(
        matches!(closed, Some(CloseCode::Again) | None),
        "{closed:?}"
    );
    drop(stream);
}

/// W1: a socket that answers no ping is let go, one that does is not.
#[tokio::test(flavor = "multi_thread")]
async fn w1_a_silent_socket_is_let_go() {
    let house = House::start(&[("live.ping_timeout", "300ms")]).await;
    let api = Api::local(&house);
    let silent = Deaf::socket(&house, &api, &["jobs"]).await;
    let awake = of(&house.url(), &api).await;
    // reading is what answers pings
    let (pings, mut answered) = tokio::sync::mpsc::unbounded_channel();
    let reader = tokio::spawn(async move {
        let mut awake = awake;
        while let Some(Ok(message)) = awake.stream.next().await {
            if message.is_ping() && pings.send(()).is_err() {
                return;
            }
        }
        panic!("it was let go");
    });
    let metrics = &house.parts().metrics;
    until(async || metrics.ws_clients.get() == 1).await;
    let (told, _) = silent.rest().await;
    let policy = 1_008_u16.to_be_bytes();
    let told = told.windows(2).any(|two| two == policy);
    assert!(told, "why it is let go");
    // three times as long as the silence that was too long
    for _ in 0..9 {
        answered.recv().await.unwrap();
    }
    assert_eq!(metrics.ws_clients.get(), 1);
    drop(answered);
    reader.await.unwrap();
}

/// W1: nobody uses up the tickets of others: whoever asks for an eleventh loses its oldest.
#[tokio::test(flavor = "multi_thread")]
async fn w1_nobody_takes_all_tickets() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let eager = token(&local, &house, "eager", &["live:read"]).await;
    let ticket = async |api: &Api| {
        let made = api.post("/ws-ticket", json!({})).await.is(201);
        format!("hywarden.v1, ticket.{}", made["ticket"].as_str().unwrap())
    };
    let other = ticket(&local).await;
    let mut all = Vec::new();
    for _ in 0..12 {
        all.push(ticket(&eager).await);
    }
    assert_eq!(house.services().live.tickets.lock().unwrap().len(), 11);
    let url = house.url();
    for (n, opens) in [(0, false), (1, false), (2, true), (11, true)] {
        assert_eq!(open(&url, &all[n], &[]).await.is_ok(), opens, "{n}");
    }
    assert!(open(&url, &other, &[]).await.is_ok());
}
