//! People make their own accounts.
use super::token_of;
use crate::{
    rest::logins::standing,
    support::{api::Api, house::House, people::PASSWORD},
};
use chrono::TimeDelta;
use serde_json::json;

/// Who may register: nobody, whoever was invited, everybody; by an invitation once, and never more than the inviter may.
#[tokio::test(flavor = "multi_thread")]
async fn people_register_as_the_operator_lets_them() {
    let off = House::start(&[]).await;
    let nobody = Api::remote(&off, None);
    let body = json!({"name": "anna", "password": PASSWORD});
    nobody
        .post("/auth/register", body.clone())
        .await
        .refused(403, "registration_off");

    let open = House::start(&[("logins.registration", "open")]).await;
    let nobody = Api::remote(&open, None);
    let made = nobody.post("/auth/register", body.clone()).await.is(201);
    assert_eq!(
        (&made["role"], &made["quota"], &made["status"]),
        (&json!("user"), &json!(0), &json!("limited"))
    );
    open.login("anna").await;
    let bad = json!({"name": "a@b", "password": "anna"});
    nobody
        .post("/auth/register", bad.clone())
        .await
        .wrong(&["name", "password"]);
    nobody
        .post("/auth/register", bad.clone())
        .await
        .wrong(&["name", "password"]);
    nobody
        .post("/auth/register", bad)
        .await
        .refused(429, "rate_limited");

    let (house, clock) = standing(&[("logins.registration", "invite")]).await;
    let admin = house.person("admin", "admin").await;
    let nobody = Api::remote(&house, None);
    let register = async |name: &str, invite: Option<&str>| {
        let body = json!({"name": name, "password": "kites over the dunes", "invite": invite});
        nobody.post("/auth/register", body).await
    };
    register("n0", None).await.refused(403, "invite_needed");
    register("n1", Some("hywarden_inv_guess"))
        .await
        .wrong(&["invite"]);
    let admin = house.login(&admin.name).await;
    let give = json!({"role": "readonly", "quota": 5, "valid_for": 3600, "note": "for the audit"});
    let made = admin.api.post("/auth/invites", give).await.is(201);
    assert_eq!(token_of(&made), made["secret"]);
    let secret = made["secret"].as_str().unwrap();
    let user = register("n2", Some(secret)).await.is(201);
    assert_eq!(
        (&user["role"], &user["quota"]),
        (&json!("readonly"), &json!(5))
    );
    register("n3", Some(secret)).await.wrong(&["invite"]);
    let invite = async || {
        let made = house
            .login("admin")
            .await
            .api
            .post("/auth/invites", json!({}))
            .await
            .is(201);
        (
            made["id"].as_str().unwrap().to_owned(),
            made["secret"].as_str().unwrap().to_owned(),
        )
    };
    let (id, secret) = invite().await;
    let admin = house.login("admin").await;
    admin
        .api
        .delete(&format!("/auth/invites/{id}"))
        .await
        .is(200);
    admin
        .api
        .delete(&format!("/auth/invites/{id}"))
        .await
        .refused(404, "not_found");
    register("n4", Some(&secret)).await.wrong(&["invite"]);
    let (_, stale) = invite().await;
    clock.turn(TimeDelta::days(7));
    register("n5", Some(&stale)).await.wrong(&["invite"]);
    // the inviter may give it no longer
    let (_, secret) = invite().await;
    let local = Api::local(&house);
    local
        .patch("/users/admin", json!({"role": "user"}))
        .await
        .is(200);
    register("n6", Some(&secret)).await.wrong(&["invite"]);
    let listed = local.all("/auth/invites", 2).await;
    assert_eq!(listed.len(), 4);
    assert!(listed.iter().all(|i| i.get("secret").is_none()));
}

/// L2: a whole office may register by its invitations, slips and all; guessing at one is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn l2_invited_people_share_an_address() {
    let (house, _) = standing(&[("logins.registration", "invite")]).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    let register = async |name: String, password: &str, invite: &str| {
        let body = json!({"name": name, "password": password, "invite": invite});
        nobody.post("/auth/register", body).await
    };
    for n in 0..8 {
        let made = local.post("/auth/invites", json!({})).await.is(201);
        let invite = made["secret"].as_str().unwrap();
        if n % 2 == 0 {
            register(format!("n{n}"), "short", invite)
                .await
                .wrong(&["password"]);
        }
        register(format!("n{n}"), "kites over the dunes", invite)
            .await
            .is(201);
    }
    let mut tries = 0;
    let refused = loop {
        let answer = register("x".to_owned(), "kites over the dunes", "hywarden_invite_a").await;
        if answer.status != 422 {
            break answer;
        }
        tries += 1;
        assert!(tries <= 10, "guessing goes on");
    };
    refused.refused(429, "rate_limited");
}
