//! What is told to whoever follows.
use super::{is, token};
use crate::support::{
    Stopwatch, api::Api, database::database, house::House, redis::RedisServer, socket::of,
};
use futures_util::SinkExt;
use hywarden::clock::SystemClock;
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};

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
    house.node("fra1", 9).await;
    let node = api.get("/nodes/fra1").await.is(200);
    let node = format!("node:{}", node["id"].as_str().unwrap());
    let (user, device) = (
        format!("user:{}", bob["id"].as_str().unwrap()),
        format!("device:{}", device["id"].as_str().unwrap()),
    );
    for _ in 0..2 {
        // also who comes later is told how it stands
        let mut socket = of(&house.url(), &api).await;
        socket
            .follow(&["overview", &user, &device, &node, "jobs"])
            .await;
        let mut seen = std::collections::BTreeMap::new();
        while seen.len() < 5 {
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
        assert_eq!(
            (&seen[&node]["devices"], &seen[&node]["tx_rate"]),
            (&json!(0), &json!(0))
        );
        assert!(node.ends_with(seen[&node]["node_id"].as_str().unwrap()));
        assert_eq!(seen["overview"]["users"], 0);
        assert!(seen["jobs"]["outbox"].is_number());
    }
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
    let started = Stopwatch::start();
    let (closed, stopped) = tokio::join!(socket.closed(), app.stop());
    stopped.unwrap();
    assert_eq!(closed, Some(CloseCode::Restart));
    assert!(
        started.took() < Duration::from_secs(9),
        "{:?}",
        started.took()
    );
    drop(test);
}
