//! How a receiver is called: so many at once, by what it is now, and later and later while it fails.
use super::{hook, house, log};
use crate::support::{
    api::Api,
    clock::TurnedClock,
    house::House,
    receiver::{HELD, Receiver},
    until,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection;
use hywarden::clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

/// A receiver with eight deliveries that wait for it to be woken, and what it is called by.
struct Asleep {
    house: House,
    api: Api,
    path: String,
    receiver: Receiver,
    clock: Arc<TurnedClock>,
}

impl Asleep {
    async fn at(path: &str) -> Self {
        let receiver = Receiver::start();
        let clock = Arc::new(TurnedClock::at(Utc::now()));
        let house = house(&receiver, Some(clock.clone())).await;
        let api = Api::local(&house);
        let (id, _) = hook(&api, &receiver.url(path), json!(["group.*"])).await;
        let rests = "UPDATE webhooks SET resting_until = now() + interval '1 day'";
        let mut conn = house.test.connect().await;
        conn.batch_execute(rests).await.unwrap();
        for n in 0..8 {
            let group = json!({"name": format!("g{n}")});
            api.post("/groups", group).await.is(201);
        }
        until(async || log(&api, &id, "waiting").await.len() == 8).await;
        Self {
            path: format!("/webhooks/{id}"),
            house,
            api,
            receiver,
            clock,
        }
    }

    async fn edit(&self, change: Value) -> Value {
        self.api.patch(&self.path, change).await.is(200)
    }

    async fn shown(&self) -> Value {
        self.api.get(&self.path).await.is(200)
    }

    async fn in_state(&self, state: &str) -> usize {
        let id = self.path.strip_prefix("/webhooks/").unwrap();
        log(&self.api, id, state).await.len()
    }

    /// Until nobody is at it.
    async fn idle(&self) {
        let serving = &self.house.services().webhooks.serving;
        until(async || serving.is_idle()).await;
    }
}

/// O4: what is still to go goes to the new URL, and the old one's 410 is not the new one's.
#[tokio::test(flavor = "multi_thread")]
async fn o4_a_webhook_that_moved_is_called_no_more_where_it_was() {
    let asleep = Asleep::at("/status/410").await;
    asleep.receiver.answers(HELD);
    asleep.edit(json!({"enabled": true})).await;
    asleep.receiver.got(4).await;
    asleep
        .edit(json!({"url": asleep.receiver.url("/new")}))
        .await;
    asleep.receiver.answers(200);
    let got = asleep.receiver.got(8).await;
    let paths: Vec<_> = got.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, [["/status/410"; 4], ["/new"; 4]].concat());
    let shown = asleep.shown().await;
    assert_eq!(
        (&shown["enabled"], &shown["disabled_reason"]),
        (&json!(true), &json!(null))
    );
    // what the old one refused is told to the new one
    asleep.clock.turn(TimeDelta::seconds(7));
    let got = asleep.receiver.got(12).await;
    assert!(got[8..].iter().all(|one| one.path == "/new"));
}

/// O4: who turns it off stops what is still to go.
#[tokio::test(flavor = "multi_thread")]
async fn o4_a_webhook_that_was_turned_off_is_called_no_more() {
    let asleep = Asleep::at("/").await;
    asleep.receiver.answers(HELD);
    asleep.edit(json!({"enabled": true})).await;
    asleep.receiver.got(4).await;
    asleep.edit(json!({"enabled": false})).await;
    asleep.receiver.answers(200);
    until(async || asleep.in_state("delivered").await >= 4).await;
    asleep.idle().await;
    assert_eq!(asleep.receiver.got(4).await.len(), 4);
    assert_eq!(asleep.in_state("waiting").await, 4);
}

/// O3: 410 turns it off once, and a change that did not know that is refused.
#[tokio::test(flavor = "multi_thread")]
async fn o3_gone_is_a_new_version_of_the_webhook() {
    let asleep = Asleep::at("/status/410").await;
    let woken = asleep.edit(json!({"enabled": true})).await;
    until(async || asleep.shown().await["enabled"] == false).await;
    let stale = asleep.api.request(Method::PATCH, &asleep.path);
    let stale = stale
        .header("if-match", format!("\"{}\"", woken["version"]))
        .json(&json!({"enabled": true}));
    let answer = asleep.api.answer("PATCH", stale).await;
    answer.refused(412, "changed");
    asleep.idle().await;
    let events = asleep.api.get("/events?limit=100").await.is(200);
    let events = events["items"].as_array().unwrap().iter();
    let told = events.filter(|event| event["kind"] == "webhook.disabled");
    assert_eq!(told.count(), 1, "of four calls at once");
}

/// O4: four calls at once that fail are one failure: 5 s, 10 s, 20 s.
#[tokio::test(flavor = "multi_thread")]
async fn o4_a_round_that_fails_counts_once() {
    let asleep = Asleep::at("/").await;
    asleep.receiver.answers(500);
    asleep.edit(json!({"enabled": true})).await;
    for (failures, rest) in [(1, 5.0), (2, 10.0), (3, 20.0)] {
        until(async || asleep.shown().await["failures"].as_i64().unwrap() >= failures).await;
        asleep.idle().await;
        let shown = asleep.shown().await;
        assert_eq!(shown["failures"], failures, "{shown}");
        let until = shown["resting_until"].as_str().unwrap();
        let until: DateTime<Utc> = until.parse().unwrap();
        let rests = (until - asleep.clock.now()).as_seconds_f64();
        assert!(
            (rest * 0.79..rest * 1.21).contains(&rests),
            "{rests} of {rest}"
        );
        asleep
            .clock
            .turn(TimeDelta::seconds(1 + rests.ceil() as i64));
    }
    assert!(asleep.receiver.got(6).await.len() >= 6, "four, one, one");
}
