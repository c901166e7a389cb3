//! What waits for a receiver does not wait for ever, nor without number.
use super::{hook, house, log, newest};
use crate::support::{api::Api, clock::TurnedClock, house::House, receiver::Receiver, until};
use chrono::{TimeDelta, Utc};
use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};
use std::sync::Arc;

async fn sql(house: &House, text: &str) {
    let mut conn = house.test.connect().await;
    conn.batch_execute(text).await.unwrap();
}

/// How many deliveries `webhook.gave_up` told of, each time.
async fn told(api: &Api, id: &str) -> Vec<i64> {
    let events = api.get("/events?limit=100").await.is(200);
    let events = events["items"].as_array().unwrap().iter();
    let told = events.filter(|event| event["kind"] == "webhook.gave_up");
    told.map(|event| {
        assert_eq!(event["data"]["webhook"], id);
        event["data"]["deliveries"].as_i64().unwrap()
    })
    .collect()
}

async fn world() -> (Receiver, Arc<TurnedClock>, House, Api, String) {
    let receiver = Receiver::start();
    receiver.answers(500);
    let clock = Arc::new(TurnedClock::at(Utc::now()));
    let house = house(&receiver, Some(clock.clone())).await;
    let api = Api::local(&house);
    let (id, _) = hook(&api, &receiver.url("/"), json!(["group.*"])).await;
    (receiver, clock, house, api, id)
}

/// O4: after three days, which is the whole of the schedule, however many wait and however seldom it was called.
#[tokio::test(flavor = "multi_thread")]
async fn o4_what_waited_three_days_is_given_up_and_told_once() {
    let (_receiver, clock, house, api, id) = world().await;
    let webhooks = &house.services().webhooks;
    sql(
        &house,
        "UPDATE webhooks SET resting_until = now() + interval '30 days'",
    )
    .await;
    for n in 0..5 {
        api.post("/groups", json!({"name": format!("g{n}")}))
            .await
            .is(201);
    }
    until(async || log(&api, &id, "waiting").await.len() == 5).await;
    clock.turn(TimeDelta::days(3) - TimeDelta::seconds(1));
    assert_eq!(webhooks.give_up().await.unwrap(), 0);
    clock.turn(TimeDelta::seconds(2));
    webhooks.give_up().await.unwrap();
    let failed = log(&api, &id, "failed").await;
    assert_eq!(failed.len(), 5);
    assert_eq!(told(&api, &id).await, [5]);
    // sent again it waits anew
    let delivery = failed[0]["id"].as_str().unwrap();
    let again = format!("/webhooks/{id}/deliveries/{delivery}/resend");
    api.post(&again, json!({})).await.is(202);
    assert_eq!(webhooks.give_up().await.unwrap(), 0);
    assert_eq!(log(&api, &id, "waiting").await.len(), 1);
}

/// O4: at most 10,000 wait for one receiver; the oldest go.
#[tokio::test(flavor = "multi_thread")]
async fn o4_of_too_many_the_oldest_are_given_up() {
    let (_receiver, _clock, house, api, id) = world().await;
    api.patch(&format!("/webhooks/{id}"), json!({"enabled": false}))
        .await
        .is(200);
    let many = "INSERT INTO webhook_deliveries (id, webhook_id, kind, body, state, next_at, created_at, queued_at)
        SELECT gen_random_uuid(), webhooks.id, 'group.created', '{}', 'waiting', now(), now(), now()
        FROM webhooks, generate_series(1, 10003)";
    sql(&house, many).await;
    house.services().webhooks.give_up().await.unwrap();
    assert_eq!(told(&api, &id).await, [3]);
    assert_eq!(log(&api, &id, "failed").await.len(), 3);
    let oldest = api
        .all(&format!("/webhooks/{id}/deliveries"), 100)
        .await
        .split_off(10_000);
    assert!(oldest.iter().all(|d: &Value| d["state"] == "failed"));
}

/// O4: the last attempt of one is told, too.
#[tokio::test(flavor = "multi_thread")]
async fn o4_a_delivery_whose_last_attempt_failed_is_told() {
    let (_receiver, clock, house, api, id) = world().await;
    api.post("/groups", json!({"name": "g"})).await.is(201);
    newest(&api, &id, "waiting", 1).await;
    sql(&house, "UPDATE webhook_deliveries SET attempts = 10").await;
    clock.turn(TimeDelta::minutes(1));
    newest(&api, &id, "failed", 11).await;
    assert_eq!(told(&api, &id).await, [1]);
}
