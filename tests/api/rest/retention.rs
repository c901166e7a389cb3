//! Erasing whose grace is over, also while others are at the same accounts.
use super::locks::blocked;
use crate::support::{api::Api, clock::TurnedClock, database::database, house::House};
use chrono::TimeDelta;
use diesel_async::SimpleAsyncConnection;
use serde_json::json;
use std::sync::Arc;

/// Two, and so much time after each.
async fn two_deleted(apart: TimeDelta) -> (House, Arc<TurnedClock>) {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let grace = [("retention.deleted_users", "10d")];
    let house = House::on(database().await, clock.clone(), &grace).await;
    let api = Api::local(&house);
    for name in ["a", "b"] {
        api.post("/users", json!({"name": name})).await.is(201);
        api.delete(&format!("/users/{name}")).await.is(200);
        clock.turn(apart);
    }
    (house, clock)
}

/// Deleted softly, a user can be restored for the grace, and is erased after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_is_erased_after_its_grace() {
    let (house, clock) = two_deleted(TimeDelta::days(6)).await;
    let api = Api::local(&house);
    let overdue = &house.services().overdue;
    // its own job may have been quicker
    overdue.erase().await.unwrap();
    api.get("/users/a").await.refused(404, "not_found");
    assert_eq!(api.get("/users/b").await.is(200)["status"], "deleted");
    api.post("/users/b/activate", json!({})).await.is(200);
    clock.turn(TimeDelta::days(100));
    overdue.erase().await.unwrap();
    assert_eq!(api.get("/users/b").await.is(200)["status"], "active");
    api.post("/users", json!({"name": "a"})).await.is(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_restored_meanwhile_is_not_erased() {
    let (house, clock) = two_deleted(TimeDelta::minutes(1)).await;
    let api = Api::local(&house);
    // the round finds both due, and waits for the first
    let mut held = house.test.connect().await;
    let hold = "BEGIN; SELECT FROM users WHERE name = 'a' FOR NO KEY UPDATE";
    held.batch_execute(hold).await.unwrap();
    clock.turn(TimeDelta::days(20));
    let restored = async {
        blocked(&house).await;
        api.post("/users/b/activate", json!({})).await.is(200);
        held.batch_execute("COMMIT").await.unwrap();
    };
    let (erased, ()) = tokio::join!(house.services().overdue.erase(), restored);
    erased.unwrap();
    api.get("/users/a").await.refused(404, "not_found");
    assert_eq!(api.get("/users/b").await.is(200)["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_erased_holds_up_no_other() {
    let (house, clock) = two_deleted(TimeDelta::minutes(1)).await;
    let api = Api::local(&house);
    house
        .test
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN IF NEW.name = '' AND OLD.name = 'a' THEN RAISE EXCEPTION 'no'; END IF; RETURN NEW; END $$;
             CREATE TRIGGER refuse BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION refuse()",
        )
        .await;
    clock.turn(TimeDelta::days(20));
    let round = house.services().overdue.erase().await;
    assert!(round.is_err(), "a round that left one out has failed");
    assert_eq!(api.get("/users/a").await.is(200)["status"], "deleted");
    api.get("/users/b").await.refused(404, "not_found");
}
