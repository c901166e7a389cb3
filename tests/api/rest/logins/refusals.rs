//! K4: what is refused to somebody who is known leaves a row, whatever refuses it.
use super::{browser::Browser, factors::with_factor, standing};
use crate::support::{house::House, people::PASSWORD};
use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use hywarden::schema::audit;
use reqwest::Method;
use serde_json::{Value, json};

/// Who was refused, and the detail of each row.
async fn rows(house: &House) -> Vec<(String, Value)> {
    audit::table
        .filter(audit::action.like("request.refused%"))
        .order(audit::number)
        .select((audit::principal, audit::detail))
        .load(&mut house.test.connect().await)
        .await
        .unwrap()
}

/// A wrong code of somebody who is logged in is no failed login: its client must not take the login for ended.
#[tokio::test(flavor = "multi_thread")]
async fn k4_a_wrong_code_of_somebody_known_is_written_down() {
    let (house, clock) = standing(&[]).await;
    let (anna, _, _) = with_factor(&house, &clock, "anna").await;
    let plain = house.person("berta", "user").await;
    let strangers = || house.parts().metrics.unauthenticated.get();
    let before = strangers();
    plain.api.post("/auth/totp", json!({})).await.is(200);
    let first = json!({"code": "000000"});
    let wrong = plain.api.post("/auth/totp/confirm", first).await;
    wrong.refused(403, "wrong_code");
    let new = "hills and more hills";
    for (path, body) in [
        (
            "/auth/confirm",
            json!({"password": PASSWORD, "code": "000000"}),
        ),
        (
            "/auth/change-password",
            json!({"current_password": PASSWORD, "new_password": new, "code": "000000"}),
        ),
        ("/auth/totp", json!({"code": "000000"})),
        ("/auth/totp/disable", json!({"code": "000000"})),
        ("/auth/totp/recovery-codes", json!({"code": "000000"})),
    ] {
        // three wrong ones a step are all that is taken
        clock.turn(TimeDelta::seconds(30));
        anna.api.post(path, body).await.refused(403, "wrong_code");
    }
    anna.api.get("/auth/me").await.is(200);
    assert_eq!(strangers(), before);
    let rows = rows(&house).await;
    assert_eq!(rows.len(), 6, "{rows:?}");
    assert!(rows.iter().all(|(_, d)| d["code"] == "wrong_code"));
    assert_eq!(rows[0].0, format!("user:{}", plain.id));
    assert_eq!(rows[5].0, format!("user:{}", anna.id));
}

/// Too often, and from another site's page: whose cookie or token was right is known.
#[tokio::test(flavor = "multi_thread")]
async fn k4_every_refusal_to_somebody_known_is_written_down() {
    let (house, _) = standing(&[]).await;
    let person = house.person("anna", "user").await;
    let (mut browser, _) = Browser::login(&house, "anna").await;
    let edit = |browser: &Browser| {
        let request = browser.request(Method::PATCH, "/auth/me");
        request.json(&json!({}))
    };
    let saw = browser.status(edit(&browser)).await;
    assert_eq!(saw, (403, "csrf".to_owned()));
    let foreign = edit(&browser).header("x-csrf-token", &browser.csrf);
    let foreign = foreign.header("origin", "https://evil.example");
    let saw = browser.status(foreign).await;
    assert_eq!(saw, (403, "cross_origin".to_owned()));
    // who has a wrong secret is a stranger
    browser.cookie.push('a');
    let saw = browser.status(edit(&browser)).await;
    assert_eq!(saw, (401, "unauthenticated".to_owned()));
    let wrong = json!({"current_password": "no", "new_password": "hills and more hills"});
    let path = "/auth/change-password";
    for _ in 0..3 {
        let answer = person.api.post(path, wrong.clone()).await;
        answer.refused(403, "wrong_password");
    }
    let answer = person.api.post(path, wrong).await;
    answer.refused(429, "rate_limited");
    let rows = rows(&house).await;
    let codes: Vec<_> = rows
        .iter()
        .map(|(_, d)| d["code"].as_str().unwrap())
        .collect();
    let wrong = "wrong_password";
    assert_eq!(
        codes,
        ["csrf", "cross_origin", wrong, wrong, wrong, "rate_limited"]
    );
    let known = format!("user:{}", person.id);
    assert!(rows.iter().all(|(by, _)| *by == known), "{rows:?}");
}

/// What cannot be written while the database is not itself is counted, and told later.
#[tokio::test(flavor = "multi_thread")]
async fn k4_a_failing_database_loses_no_count() {
    let (house, clock) = standing(&[]).await;
    let person = house.person("anna", "user").await;
    let other = house.person("berta", "user").await;
    let refusals = &house.services().refusals;
    let refuse = async |times: usize| {
        for _ in 0..times {
            person.api.get("/users").await.refused(403, "forbidden");
        }
    };
    let sql = async |sql: &str| {
        let mut conn = house.test.connect().await;
        conn.batch_execute(sql).await.unwrap();
    };
    refuse(70).await;
    assert_eq!(rows(&house).await.len(), 60);
    sql("ALTER TABLE audit RENAME TO audit_away").await;
    clock.turn(TimeDelta::minutes(1));
    // the program's own round may be at it, too
    refusals.close().await.ok();
    refuse(5).await;
    other.api.get("/users").await.refused(403, "forbidden");
    refusals.close().await.ok();
    sql("ALTER TABLE audit_away RENAME TO audit").await;
    refusals.close_all().await.unwrap();
    let rows = rows(&house).await;
    let more: u64 = rows[60..]
        .iter()
        .filter_map(|(_, d)| d["more"].as_u64())
        .sum();
    assert_eq!(more, 16, "{rows:?}");
}
