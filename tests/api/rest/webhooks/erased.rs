//! What receivers were told, and are still to be told, of somebody who is erased.
use super::{hook, house, newest};
use crate::support::{api::Api, clock::TurnedClock, receiver::Receiver};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_name_is_told_to_nobody_any_more() {
    let receiver = Receiver::start();
    let clock = Arc::new(TurnedClock::at(Utc::now()));
    let house = house(&receiver, Some(clock.clone())).await;
    let api = Api::local(&house);
    let (id, _) = hook(&api, &receiver.url("/a"), json!(["user.*", "device.*"])).await;
    let user = json!({"name": "Marker-Name"});
    let user = api.post("/users", user).await.is(201);
    newest(&api, &id, "delivered", 1).await;
    receiver.answers(500);
    let device = json!({"name": "Marker-Phone"});
    let device = api.post("/users/marker-name/devices", device).await;
    let device = device.is(201);
    newest(&api, &id, "waiting", 1).await;
    assert!(receiver.got(2).await[1].body.contains("Marker-Phone"));

    api.delete("/users/marker-name?hard=true").await.is(204);
    let dump = crate::rest::secrets::dump(&house.test.url).to_lowercase();
    assert!(!dump.contains("marker"), "still in the database");
    receiver.answers(200);
    clock.turn(TimeDelta::minutes(10));
    let got = receiver.got(4).await;
    let sent = |n: usize| got[n].headers["webhook-id"].clone();
    assert_eq!(sent(1), sent(2), "the same delivery");
    for (n, kind, told) in [
        (2, "device.created", device["id"].clone()),
        (3, "user.erased", Value::Null),
    ] {
        let body: Value = serde_json::from_str(&got[n].body).unwrap();
        let data = &body["data"];
        assert_eq!((&body["type"], &data["user"]), (&json!(kind), &json!("")));
        assert_eq!(data["user_id"], user["id"]);
        assert_eq!(data["device_id"], told);
        assert!(!got[n].body.contains("Marker"), "{}", got[n].body);
    }
}
