//! Clients that follow and never read: they lose their connections, and hold their places as long as they have them.
use crate::support::{api::Api, deaf::Deaf, house::House, until};
use hywarden::services::{callers::Caller, live::End};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A socket and a stream of the same caller that follow this, and never read.
async fn deaf(house: &House, topic: &str) -> [Deaf; 2] {
    let local = Api::local(house);
    let made = json!({"name": "t", "scopes": ["live:read", "events:read"]});
    let made = local.post("/tokens", made).await.is(201);
    let secret = made["secret"].as_str().unwrap();
    let api = Api::remote(house, Some(secret));
    let stream = format!("/events/stream?topics={topic}");
    let both = [
        Deaf::socket(house, &api, &[topic]).await,
        Deaf::parts(house, secret, &stream).await,
    ];
    // a second look: the socket's message may be on its way
    let hub = &house.services().live.hub;
    until(async || hub.followers(topic) == 2).await;
    both
}

/// Both are gone, and so are their places.
async fn are_gone(house: &House, both: &[Deaf]) {
    let clients = &house.parts().metrics.ws_clients;
    let gone = until(async || clients.get() == 0 && both.iter().all(Deaf::is_cut));
    timeout(PATIENCE, gone).await.expect("they stay");
}

/// W1: what waits for them overflows.
#[tokio::test(flavor = "multi_thread")]
async fn w1_who_never_reads_loses_its_connection() {
    let house = House::start(&[]).await;
    let both = deaf(&house, "events").await;
    let metrics = &house.parts().metrics;
    let hub = &house.services().live.hub;
    let big = json!({"text": "x".repeat(60_000)});
    while metrics.ws_dropped.get() < 2 {
        hub.publish("events", "test", &big, false);
        tokio::task::yield_now().await;
    }
    are_gone(&house, &both).await;
}

/// W1: of gauges only the last waits, so that nothing overflows; and one that says all the time that it is there is not silent.
#[tokio::test(flavor = "multi_thread")]
async fn w1_who_takes_nothing_loses_its_connection() {
    let house = House::start(&[("live.ping_timeout", "300ms")]).await;
    let both = deaf(&house, "overview").await;
    let metrics = &house.parts().metrics;
    let hub = &house.services().live.hub;
    let big = json!({"text": "x".repeat(60_000)});
    let filled = async {
        while metrics.ws_clients.get() > 0 {
            hub.publish("overview", "test", &big, true);
            both[0].pong();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, filled).await.expect("they stay");
    assert_eq!(metrics.ws_dropped.get(), 0);
    are_gone(&house, &both).await;
}

/// W1, W2: a login that ends ends them, too.
#[tokio::test(flavor = "multi_thread")]
async fn w2_who_never_reads_is_out_with_its_token() {
    let house = House::start(&[]).await;
    let both = deaf(&house, "overview").await;
    let hub = &house.services().live.hub;
    let big = json!({"text": "x".repeat(60_000)});
    // until their connections are full and something waits
    while !hub.clients().iter().all(|client| client.mailbox.waits()) {
        hub.publish("overview", "test", &big, true);
        tokio::task::yield_now().await;
    }
    Api::local(&house).delete("/tokens/t").await.is(200);
    are_gone(&house, &both).await;
}

/// W1: whoever is told to leave has its place until its connection is gone.
#[tokio::test(flavor = "multi_thread")]
async fn w1_a_place_is_taken_as_long_as_its_connection_stands() {
    let house = House::start(&[]).await;
    let live = &house.services().live;
    let enter = || live.enter(Caller::trusted("somebody"));
    let mut places: Vec<_> = (0..5).map(|_| enter().unwrap()).collect();
    assert!(enter().is_err());
    live.hub.show_out(&places[0], End::Slow);
    assert!(enter().is_err(), "it is still there");
    places.remove(0);
    assert!(enter().is_ok());
}
