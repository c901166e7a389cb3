//! What is kept of those who were refused.
use crate::{rest::logins::standing, support::api::Api};
use chrono::TimeDelta;
use serde_json::{Value, json};

/// K4: what was refused to somebody known leaves a row each, sixty a minute and the rest counted in one; strangers leave
/// none, but a figure and one event a minute.
#[tokio::test(flavor = "multi_thread")]
async fn k4_refused_attempts_are_written_down() {
    use diesel::prelude::*;
    use diesel_async::RunQueryDsl;
    use hywarden::schema::audit;
    let (house, clock) = standing(&[]).await;
    let person = house.person("anna", "user").await;
    let rows = async || {
        let mut conn = house.test.connect().await;
        let rows: Vec<(String, String, Value)> = audit::table
            .filter(audit::action.like("request.refused%"))
            .order(audit::number)
            .select((audit::principal, audit::action, audit::detail))
            .load(&mut conn)
            .await
            .unwrap();
        rows
    };
    Api::remote(&house, None)
        .get("/users")
        .await
        .refused(401, "unauthenticated");
    assert!(rows().await.is_empty());
    person.api.get("/users").await.refused(403, "forbidden");
    let first = rows().await;
    assert_eq!(first.len(), 1);
    assert_eq!(first[0].0, format!("user:{}", person.id));
    assert_eq!(
        first[0].2,
        json!({"method": "GET", "route": "/api/v1/users", "code": "forbidden"})
    );
    for _ in 0..99 {
        person.api.get("/users").await.refused(403, "forbidden");
    }
    assert_eq!(rows().await.len(), 60);
    clock.turn(TimeDelta::minutes(1));
    house.services().refusals.close().await.unwrap();
    let all = rows().await;
    assert_eq!(all.len(), 61);
    assert_eq!(
        (all[60].1.as_str(), &all[60].2["more"]),
        ("request.refused_more", &json!(40))
    );
    let told = async || {
        let events = Api::local(&house)
            .get("/events?after=start&limit=100")
            .await;
        let events = events.is(200)["items"].as_array().unwrap().clone();
        let of_strangers = events
            .into_iter()
            .filter(|e| e["kind"] == "request.unauthenticated");
        let counts = of_strangers.map(|e| e["data"]["requests"].as_u64().unwrap());
        counts.collect::<Vec<_>>()
    };
    assert_eq!(told().await, [1]);
    for _ in 0..100 {
        let stranger = Api::remote(&house, None);
        stranger.get("/users").await.refused(401, "unauthenticated");
    }
    house.services().refusals.close().await.unwrap();
    assert_eq!(told().await, [1], "the minute is not over");
    clock.turn(TimeDelta::minutes(1));
    house.services().refusals.close().await.unwrap();
    assert_eq!(told().await, [1, 100]);
    assert_eq!(house.parts().metrics.unauthenticated.get(), 101);
    assert_eq!(rows().await.len(), 61);
}
