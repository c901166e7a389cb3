//! What may be changed of an account, and what ends with it.
use super::{doors::token_of, standing};
use crate::support::{api::Api, house::House, people::PASSWORD};
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

/// L11: a session that was left open hands nobody's account to whoever finds it.
#[tokio::test(flavor = "multi_thread")]
async fn l11_a_stale_session_takes_over_nobody() {
    let (house, clock) = standing(&[]).await;
    let owner = house.person("owner", "superadmin").await;
    house.account("anna", "user").await;
    clock.turn(TimeDelta::minutes(6));
    let stale = async |method: Method, path: &str, body: Value| {
        let answer = owner.api.send(method, path, Some(body)).await;
        answer.refused(403, "not_fresh");
    };
    stale(Method::POST, "/users/anna/password-link", json!({})).await;
    for method in [Method::PATCH, Method::PUT] {
        for taken in [
            json!({"email": "evil@mail.example"}),
            json!({"email": null}),
            json!({"role": "admin"}),
            json!({"role": "admin", "note": "x"}),
        ] {
            stale(method.clone(), "/users/anna", taken).await;
        }
    }
    // neither does an account, or a way to one, that outlives the session
    let made = json!({"name": "eve", "role": "admin"});
    stale(Method::POST, "/users", made).await;
    stale(Method::POST, "/auth/invites", json!({"role": "readonly"})).await;
    let many =
        json!({"action": "create", "prefix": "eve", "count": 2, "like": {"role": "superadmin"}});
    let answer = owner.api.post("/users:batch", many).await.is(200);
    for n in [0, 1] {
        assert_eq!(answer["items"][n]["error"]["code"], "not_fresh", "{answer}");
    }
    owner
        .api
        .post("/users", json!({"name": "cora"}))
        .await
        .is(201);
    owner.api.post("/auth/invites", json!({})).await.is(201);
    // what stays as it was takes nothing over
    let same = json!({"email": "anna@mail.example", "role": "user", "note": "x"});
    owner.api.patch("/users/anna", same).await.is(200);
    // a machine has nothing to prove again
    let local = Api::local(&house);
    let role = json!({"role": "readonly"});
    local.patch("/users/anna", role).await.is(200);
    let proof = json!({"password": PASSWORD});
    owner.api.post("/auth/confirm", proof).await.is(204);
    let body = json!({"email": "anna@other.example", "role": "admin"});
    owner.api.patch("/users/anna", body).await.is(200);
    let path = "/users/anna/password-link";
    owner.api.post(path, json!({})).await.is(201);
}

/// S8: with the address to which a lost password is mended ends what was opened before: other logins, tokens, links.
#[tokio::test(flavor = "multi_thread")]
async fn s8_a_new_address_ends_what_was_opened_before() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    for (n, by_itself) in [(0, true), (1, false)] {
        let name = format!("anna{n}");
        let one = house.person(&name, "admin").await;
        let two = house.login(&name).await;
        let token = json!({"name": name, "scopes": ["users:read"]});
        let token = one.api.post("/tokens", token).await.is(201);
        let machine = Api::remote(&house, token["secret"].as_str());
        let user = format!("/users/{name}");
        let path = format!("{user}/password-link");
        let link = token_of(&local.post(&path, json!({})).await.is(201));
        // the same address again is no change
        let same = json!({"email": format!("{name}@mail.example")});
        local.patch(&user, same.clone()).await.is(200);
        one.api.patch("/auth/me", same).await.is(200);
        two.api.get("/auth/me").await.is(200);
        machine.get("/users").await.is(200);
        let new = json!({"email": format!("{name}@other.example")});
        if by_itself {
            one.api.patch("/auth/me", new).await.is(200);
            one.api.get("/auth/me").await.is(200);
        } else {
            local.patch(&user, new).await.is(200);
            let gone = one.api.get("/auth/me").await;
            gone.refused(401, "unauthenticated");
        }
        let gone = two.api.get("/auth/me").await;
        gone.refused(401, "unauthenticated");
        let refresh = json!({"refresh_token": two.refresh});
        let gone = nobody.post("/auth/refresh", refresh).await;
        gone.refused(401, "unauthenticated");
        let gone = machine.get("/users").await;
        gone.refused(401, "unauthenticated");
        let reset = json!({"token": link, "password": "hills and more hills"});
        let void = nobody.post("/auth/reset-password", reset).await;
        void.wrong(&["token"]);
    }
}

/// A3: who cannot log in is no superadmin to count on, be it for want of a password or suspended.
#[tokio::test(flavor = "multi_thread")]
async fn a3_the_last_superadmin_is_one_who_can_log_in() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let owner = house.person("owner", "superadmin").await;
    let other = json!({"name": "other", "role": "superadmin"});
    local.post("/users", other).await.is(201);
    let stays = async || {
        for api in [&owner.api, &local] {
            let role = json!({"role": "admin"});
            let kept = api.patch("/users/owner", role).await;
            kept.refused(409, "state");
            for path in ["/users/owner", "/users/owner?hard=true"] {
                api.delete(path).await.refused(409, "state");
            }
            let kept = api.post("/users/owner/suspend", json!({})).await;
            kept.refused(409, "state");
        }
    };
    stays().await;
    house.password("other", PASSWORD).await;
    local.post("/users/other/suspend", json!({})).await.is(200);
    stays().await;
    local.post("/users/other/activate", json!({})).await.is(200);
    let role = json!({"role": "admin"});
    owner.api.patch("/users/owner", role).await.is(200);
}
