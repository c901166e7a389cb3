//! The first superadmin comes of a link.
use super::token_of;
use crate::{rest::logins::standing, support::api::Api};
use chrono::TimeDelta;
use serde_json::json;

/// L13: nobody is there at first; the link makes one superadmin, once, within an hour; a fresh one voids the older.
#[tokio::test(flavor = "multi_thread")]
async fn l13_one_superadmin_comes_of_the_link() {
    let (house, clock) = standing(&[]).await;
    let local = Api::local(&house);
    let nobody = Api::remote(&house, None);
    for name in ["admin", "root", "sysadmin", "hywarden"] {
        let body = json!({"name": name, "password": name});
        nobody
            .post("/auth/login", body)
            .await
            .refused(401, "bad_login");
    }
    let link = async || token_of(&local.post("/auth/setup-token", json!({})).await.is(201));
    let old = link().await;
    let late = link().await;
    let body = |token: &str, n: usize| json!({"token": token, "name": format!("owner{n}"), "password": "twelve or more of them"});
    nobody
        .post("/auth/setup", body(&old, 0))
        .await
        .refused(403, "setup_token");
    clock.turn(TimeDelta::minutes(60));
    nobody
        .post("/auth/setup", body(&late, 0))
        .await
        .refused(403, "setup_token");
    let token = link().await;
    let mut weak = body(&token, 0);
    weak["password"] = json!("eleven char");
    nobody.post("/auth/setup", weak).await.wrong(&["password"]);
    clock.turn(TimeDelta::minutes(30));
    let posts = (0..10).map(|n| nobody.post("/auth/setup", body(&token, n)));
    let answers = futures_util::future::join_all(posts).await;
    let made: Vec<_> = answers.iter().filter(|a| a.status == 201).collect();
    assert_eq!(
        made.len(),
        1,
        "{:?}",
        answers.iter().map(|a| a.status).collect::<Vec<_>>()
    );
    assert_eq!(made[0].body["role"], "superadmin");
    clock.turn(TimeDelta::minutes(10));
    nobody
        .post("/auth/setup", body(&token, 30))
        .await
        .refused(403, "setup_token");
    local
        .post("/auth/setup-token", json!({}))
        .await
        .refused(409, "state");
    let page = reqwest::get(format!("{}/setup", house.url()))
        .await
        .unwrap();
    assert_eq!(page.status(), 404);
    // guesses are few
    let mut refused = 0;
    for n in 0..20 {
        refused += usize::from(nobody.post("/auth/setup", body("guess", n)).await.status == 429);
    }
    assert!(refused >= 9, "{refused}");
}
