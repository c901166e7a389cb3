//! Who comes back after a while, and who asks again for what it has.
use super::is;
use crate::support::{
    api::Api,
    house::House,
    socket::{Socket, of},
    stream::Stream,
};
use reqwest::Method;
use serde_json::{Value, json};

/// Tells so many events.
fn tell(house: &House, numbers: std::ops::Range<i64>) {
    for n in numbers {
        let hub = &house.services().live.hub;
        hub.publish("events", "test", &json!({ "n": n }), false);
    }
}

async fn back(house: &House, api: &Api, since: u64) -> (Socket, Value) {
    let mut socket = of(&house.url(), api).await;
    let instance = socket.instance.clone();
    socket
        .say(json!({"op": "sub", "topics": ["events"], "since": since, "instance": instance}))
        .await;
    let answer = socket.next().await;
    (socket, answer)
}

/// W2: more than a box holds is not told piece by piece until the box is full, or nobody could ever come back.
#[tokio::test(flavor = "multi_thread")]
async fn w2_who_missed_more_than_fits_reads_anew() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let seen = house.services().live.hub.seq();
    tell(&house, 0..256);
    let (mut socket, answer) = back(&house, &api, seen).await;
    assert_eq!(answer["op"], "subscribed");
    for n in 0..256 {
        assert_eq!(socket.until(is("test")).await["data"]["n"], n);
    }
    drop(socket);
    tell(&house, 256..300);
    let (mut socket, answer) = back(&house, &api, seen).await;
    assert_eq!(answer["op"], "resync");
    let instance = socket.instance.clone();
    let id = format!("{instance}:{seen}");
    let follow = api.request(Method::GET, "/events/stream?topics=events");
    let mut stream = Stream::open(follow.header("last-event-id", id)).await;
    stream.until("event: resync").await;
    // from now on they follow
    tell(&house, 300..301);
    assert_eq!(socket.until(is("test")).await["data"]["n"], 300);
    stream.until("\"n\":300").await;
    assert!(!stream.text.contains("\"n\":0}"), "{}", stream.text);
    // few but large ones fit as little
    let seen = house.services().live.hub.seq();
    for _ in 0..20 {
        let big = json!({"text": "x".repeat(60_000)});
        house
            .services()
            .live
            .hub
            .publish("events", "big", &big, false);
        socket.until(is("big")).await;
        stream.until("\"big\"").await;
        stream.text.clear();
    }
    let (_, answer) = back(&house, &api, seen).await;
    assert_eq!(answer["op"], "resync");
    assert_eq!(house.parts().metrics.ws_dropped.get(), 0);
}

/// W1: a connection follows 256 topics, and whoever asks again for those it has gets no other answer.
#[tokio::test(flavor = "multi_thread")]
async fn w1_topics_are_counted_once() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let mut socket = of(&house.url(), &api).await;
    let topics = |of: std::ops::Range<u128>| -> Vec<String> {
        of.map(|n| format!("user:{}", uuid::Uuid::from_u128(n)))
            .collect()
    };
    let pages = [topics(0..100), topics(100..200), topics(200..256)];
    for round in 0..2 {
        for page in &pages {
            socket.say(json!({"op": "sub", "topics": page})).await;
            let answer = socket.until(|m| m["op"].is_string()).await;
            assert_eq!(answer["op"], "subscribed", "{round}: {answer}");
        }
    }
    // the same user under further names is more to be told, each time
    let user = uuid::Uuid::from_u128(1);
    for topics in [topics(256..257), vec!["users:p1".to_owned()]] {
        let ids = json!({"users:p1": [user]});
        socket
            .say(json!({"op": "sub", "topics": topics, "ids": ids}))
            .await;
        let answer = socket.until(|m| m["op"].is_string()).await;
        assert_eq!(answer["code"], "too_many", "{answer}");
    }
}
