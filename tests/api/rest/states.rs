//! A5: what each state of an account allows, to its owner and to those who look after it.
use crate::support::{
    api::Api, clock::TurnedClock, database::database, house::House, people::PASSWORD,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::{fmt::Write, sync::Arc};

/// State, then what is answered to each verb of `VERBS`, in their order. Whoever was deleted can be looked at, mended and
/// restored (`activate`) until the grace ends, and gets nothing new.
const TABLE: &str = "\
active      200 200 200 200 201 200 200 200 201 200
on_hold     200 200 200 200 201 200 200 200 201 200
expired     200 200 200 200 201 200 200 200 201 200
suspended   403 401 200 200 201 200 200 200 201 200
deleted     401 401 200 200 409 200 200 200 409 409
";
const VERBS: [&str; 10] = [
    "login",
    "me",
    "show",
    "edit",
    "device",
    "suspend",
    "activate",
    "reset-data",
    "password-link",
    "delete",
];

async fn made(local: &Api, clock: &TurnedClock, state: &str, verb: &str) -> String {
    let name = format!("{state}-{verb}").replace('_', "-");
    let more = match state {
        "on_hold" => json!({"on_hold": true, "expires_in": 3600}),
        "expired" => json!({"expires_in": 1}),
        _ => json!({}),
    };
    let mut body = json!({"name": name});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    local.post("/users", body).await.is(201);
    if state == "expired" {
        clock.turn(TimeDelta::seconds(2));
    }
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_each_state_allows_what_the_table_says() {
    let start: DateTime<Utc> = Utc::now();
    let clock = Arc::new(TurnedClock::at(start));
    let set = [("logins.tries", "10000")];
    let house = House::on(database().await, clock.clone(), &set).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    let mut saw = String::new();
    for state in ["active", "on_hold", "expired", "suspended", "deleted"] {
        write!(saw, "{state:<11}").unwrap();
        for verb in VERBS {
            let name = made(&local, &clock, state, verb).await;
            house.password(&name, PASSWORD).await;
            let person = house.login(&name).await;
            match state {
                "suspended" => {
                    local
                        .post(&format!("/users/{name}/suspend"), json!({}))
                        .await
                        .is(200);
                }
                "deleted" => {
                    local.delete(&format!("/users/{name}")).await.is(200);
                }
                _ => {
                    let user = local.get(&format!("/users/{name}")).await.is(200);
                    assert_eq!(user["status"], state, "{user}");
                }
            }
            let at = |rest: &str| format!("/users/{name}{rest}");
            let answer = match verb {
                "login" => {
                    let body = json!({"name": name, "password": PASSWORD});
                    nobody.post("/auth/login", body).await
                }
                "me" => person.api.get("/auth/me").await,
                "show" => local.get(&at("")).await,
                "edit" => local.patch(&at(""), json!({"note": "x"})).await,
                "device" => local.post(&at("/devices"), json!({"name": "phone"})).await,
                "delete" => local.delete(&at("")).await,
                verb => local.post(&at(&format!("/{verb}")), json!({})).await,
            };
            write!(saw, " {}", answer.status).unwrap();
        }
        saw.push('\n');
    }
    assert_eq!(saw, TABLE, "{}", VERBS.join(" "));
}
