use super::standing;
use crate::support::{
    Stopwatch,
    api::Api,
    house::House,
    people::{PASSWORD, Person},
};
use chrono::TimeDelta;
use hywarden::services::logins::Revoked;
use serde_json::json;
use std::time::Duration;

async fn refresh(api: &Api, token: &str) -> crate::support::api::Answer {
    api.post("/auth/refresh", json!({"refresh_token": token}))
        .await
}

/// S4: a token is exchanged once; lost answers are given again for 30 s while nobody used the successor; any other copy
/// ends the login.
#[tokio::test(flavor = "multi_thread")]
async fn s4_a_copied_refresh_token_ends_its_login() {
    let (house, clock) = standing(&[]).await;
    let person = house.person("anna", "user").await;
    let api = Api::remote(&house, None);
    let first = refresh(&api, &person.refresh).await.is(200);
    let next = first["refresh_token"].as_str().unwrap();
    assert_ne!(next, person.refresh);
    assert_eq!(first["expires_in"], 600);
    for _ in 0..3 {
        clock.turn(TimeDelta::seconds(10));
        let again = refresh(&api, &person.refresh).await.is(200);
        assert_eq!(again["refresh_token"], next);
    }
    let second = refresh(&api, next).await.is(200);
    let newest = second["refresh_token"].as_str().unwrap();
    // the successor was used: the one before is a copy, though no second has passed
    refresh(&api, &person.refresh)
        .await
        .refused(401, "unauthenticated");
    refresh(&api, newest).await.refused(401, "unauthenticated");
    person
        .api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    let events = Api::local(&house)
        .get("/events?after=start&limit=100")
        .await
        .is(200);
    assert!(events.to_string().contains("auth.refresh_reused"));

    let late = house.login("anna").await;
    refresh(&api, &late.refresh).await.is(200);
    clock.turn(TimeDelta::seconds(31));
    refresh(&api, &late.refresh)
        .await
        .refused(401, "unauthenticated");
    // what nobody handed out ends nothing
    let other = house.login("anna").await;
    refresh(
        &api,
        "hywarden_rt_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    )
    .await
    .refused(401, "unauthenticated");
    other.api.get("/auth/me").await.is(200);
}

/// S5: fifty uses at once get the same successor; one chain lives.
#[tokio::test(flavor = "multi_thread")]
async fn s5_one_chain_lives() {
    let house = House::start(&[]).await;
    let person = house.person("anna", "user").await;
    let api = Api::remote(&house, None);
    let uses = (0..50).map(|_| refresh(&api, &person.refresh));
    let answers = futures_util::future::join_all(uses).await;
    let next: std::collections::BTreeSet<String> = answers
        .into_iter()
        .map(|a| a.is(200)["refresh_token"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(next.len(), 1);
    refresh(&api, next.first().unwrap()).await.is(200);
}

/// S6: unused too long, or too old, a login ends; logging out ends it at once, here and for whoever holds it.
#[tokio::test(flavor = "multi_thread")]
async fn s6_logins_end() {
    let (house, clock) = standing(&[("logins.idle", "1h"), ("logins.lifetime", "3h")]).await;
    let person = house.person("anna", "user").await;
    let api = Api::remote(&house, None);
    let mut token = person.refresh.clone();
    for _ in 0..3 {
        clock.turn(TimeDelta::minutes(55));
        let next = refresh(&api, &token).await.is(200);
        token = next["refresh_token"].as_str().unwrap().to_owned();
    }
    clock.turn(TimeDelta::minutes(15));
    refresh(&api, &token).await.refused(401, "unauthenticated");
    let idle = house.login("anna").await;
    clock.turn(TimeDelta::minutes(61));
    refresh(&api, &idle.refresh)
        .await
        .refused(401, "unauthenticated");

    let one = house.login("anna").await;
    let two = house.login("anna").await;
    let three = house.login("anna").await;
    one.api.post("/auth/logout", json!({})).await.is(204);
    one.api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    refresh(&api, &one.refresh)
        .await
        .refused(401, "unauthenticated");
    // by the refresh token alone: the access token may have lapsed
    api.post("/auth/logout", json!({"refresh_token": three.refresh}))
        .await
        .is(204);
    three
        .api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    api.post("/auth/logout", json!({}))
        .await
        .refused(401, "unauthenticated");
    let listed = two.api.all("/auth/sessions", 1).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], two.session.as_str());
    assert_eq!(listed[0]["current"], true);
    let four = house.login("anna").await;
    let ended = four.api.delete("/auth/sessions").await.is(200);
    assert!(ended["ended"].as_u64().unwrap() >= 1);
    two.api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    let five = house.login("anna").await;
    let path = format!("/auth/sessions/{}", five.session);
    four.api.delete(&path).await.is(204);
    five.api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    four.api.delete(&path).await.refused(404, "not_found");
}

/// S2: what a person may is read again: a demotion, a suspension, a promotion bite at once, whatever the token says.
#[tokio::test(flavor = "multi_thread")]
async fn s2_a_role_is_what_it_is_now() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let person = house.person("anna", "admin").await;
    person.api.get("/users").await.is(200);
    for (role, status) in [("readonly", 200), ("user", 403), ("admin", 200)] {
        local
            .patch("/users/anna", json!({"role": role}))
            .await
            .is(200);
        assert_eq!(person.api.get("/users").await.status, status, "{role}");
    }
    local.post("/users/anna/suspend", json!({})).await.is(200);
    person
        .api
        .get("/users")
        .await
        .refused(401, "unauthenticated");
    local.post("/users/anna/activate", json!({})).await.is(200);
    // what a suspension ended does not come back
    person
        .api
        .get("/users")
        .await
        .refused(401, "unauthenticated");
    let body = json!({"name": "anna", "password": PASSWORD});
    local.post("/users/anna/suspend", json!({})).await.is(200);
    let nobody = Api::remote(&house, None);
    nobody
        .post("/auth/login", body)
        .await
        .refused(403, "suspended");
}

/// S2, S6: also on another instance, within a second.
#[tokio::test(flavor = "multi_thread")]
async fn s2_another_instance_hears_of_it() {
    let (url, _) = crate::support::redis::shared().await;
    let redis = ("redis.url", url.as_str());
    let here = House::start(&[redis]).await;
    let there = House::beside(&here, &[redis]).await;
    let person = here.person("anna", "admin").await;
    let elsewhere = Api::remote(&there, Some(&person.access));
    elsewhere.get("/users").await.is(200);
    let mut bell = there.services().logins.revocations.subscribe();
    person.api.post("/auth/logout", json!({})).await.is(204);
    let since = Stopwatch::start();
    let rings = async { while !matches!(bell.recv().await.unwrap(), Revoked::User(_)) {} };
    let rung = tokio::time::timeout(Duration::from_secs(10), rings).await;
    rung.expect("the other instance never heard of it");
    elsewhere
        .get("/users")
        .await
        .refused(401, "unauthenticated");
    assert!(since.took() < Duration::from_secs(1));
}

/// S8: with the password, or the account, everything that was held by it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn s8_a_new_password_ends_what_the_old_one_opened() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let one = house.person("anna", "admin").await;
    let two = house.login("anna").await;
    let token = json!({"name": "t", "scopes": ["users:read"]});
    let token = one.api.post("/tokens", token).await.is(201);
    let machine = Api::remote(&house, token["secret"].as_str());
    machine.get("/users").await.is(200);
    let body = json!({"current_password": PASSWORD, "new_password": "short"});
    one.api
        .post("/auth/change-password", body)
        .await
        .wrong(&["new_password"]);
    let body = json!({"current_password": "no", "new_password": "hills and more hills"});
    one.api
        .post("/auth/change-password", body)
        .await
        .refused(403, "wrong_password");
    let body = json!({"current_password": PASSWORD, "new_password": "hills and more hills"});
    one.api.post("/auth/change-password", body).await.is(204);
    one.api.get("/auth/me").await.is(200);
    two.api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    refresh(&Api::remote(&house, None), &two.refresh)
        .await
        .refused(401, "unauthenticated");
    machine.get("/users").await.refused(401, "unauthenticated");

    house.password("anna", PASSWORD).await;
    for end in ["delete", "erase"] {
        let name = format!("n-{end}");
        let person = house.person(&name, "readonly").await;
        let path = if end == "erase" {
            format!("/users/{name}?hard=true")
        } else {
            format!("/users/{name}")
        };
        let status = local.delete(&path).await.status;
        assert!(status < 300);
        person
            .api
            .get("/auth/me")
            .await
            .refused(401, "unauthenticated");
    }
}

/// S10: a token never does more than who made it may now, and ends with it.
#[tokio::test(flavor = "multi_thread")]
async fn s10_a_token_is_no_more_than_its_maker() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let admin = house.person("anna", "admin").await;
    admin
        .api
        .post("/tokens", json!({"name": "all", "scopes": ["*"]}))
        .await
        .wrong(&["scopes"]);
    let token = json!({"name": "t", "scopes": ["users:read", "users:write"]});
    let token = admin.api.post("/tokens", token).await.is(201);
    let machine = Api::remote(&house, token["secret"].as_str());
    machine.post("/users", json!({"name": "x"})).await.is(201);
    // A3: a token raises nobody
    machine
        .post("/users", json!({"name": "y", "role": "admin"}))
        .await
        .refused(403, "rank");
    machine
        .patch("/users/x", json!({"role": "readonly"}))
        .await
        .refused(403, "rank");
    local
        .patch("/users/anna", json!({"role": "readonly"}))
        .await
        .is(200);
    machine.get("/users").await.is(200);
    machine
        .post("/users", json!({"name": "z"}))
        .await
        .refused(403, "forbidden");
    local.post("/users/anna/suspend", json!({})).await.is(200);
    machine.get("/users").await.refused(401, "unauthenticated");
}

/// A user sees its own logins and nobody else's; admins see and end those below them.
#[tokio::test(flavor = "multi_thread")]
async fn logins_are_seen_and_ended_by_those_who_may() {
    let house = House::start(&[]).await;
    let anna = house.person("anna", "user").await;
    let berta = house.person("berta", "user").await;
    let admin = house.person("carla", "admin").await;
    let other = house.person("dora", "admin").await;
    let readonly = house.person("emma", "readonly").await;
    let seen = async |by: &Person, whom: &str| by.api.get(&format!("/users/{whom}/sessions")).await;
    assert_eq!(
        seen(&anna, "anna").await.is(200)["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    seen(&anna, &anna.id).await.is(200);
    let foreign = seen(&anna, "berta").await.refused(404, "not_found");
    let missing = seen(&anna, "nobody").await.refused(404, "not_found");
    assert_eq!(foreign["detail"], missing["detail"], "A1");
    seen(&readonly, "anna").await.is(200);
    let end = async |by: &Person, whose: &Person| {
        let path = format!("/users/{}/sessions/{}", whose.name, whose.session);
        by.api.delete(&path).await
    };
    end(&anna, &berta).await.refused(404, "not_found");
    end(&readonly, &berta).await.refused(403, "forbidden");
    end(&admin, &other).await.refused(403, "rank");
    end(&admin, &berta).await.is(204);
    berta
        .api
        .get("/auth/me")
        .await
        .refused(401, "unauthenticated");
    end(&anna, &anna).await.is(204);
}
