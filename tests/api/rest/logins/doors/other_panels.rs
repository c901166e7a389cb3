//! The paths of other panels.
use crate::support::{
    house::House,
    people::{PASSWORD, Person},
};
use serde_json::{Value, json};

/// The paths of other panels lead to the same; what is secret is refused in a URL.
#[tokio::test(flavor = "multi_thread")]
async fn other_panels_paths_lead_here() {
    let house = House::start(&[]).await;
    let person = house.person("anna", "user").await;
    let admin = house.person("admin", "admin").await;
    let http = reqwest::Client::new();
    let at = |path: &str| format!("{}{path}", house.url());
    let form = "grant_type=password&username=anna&password=a+long+walk+by+the+sea&scope=";
    let post = |body: &str| {
        http.post(at("/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.to_owned())
            .send()
    };
    let answer = post(form).await.unwrap();
    assert_eq!(answer.status(), 200);
    let made: Value = answer.json().await.unwrap();
    assert_eq!(made["token_type"], "Bearer");
    let bearer = made["access_token"].as_str().unwrap().to_owned();
    assert_eq!(
        post("grant_type=client_credentials")
            .await
            .unwrap()
            .status(),
        422
    );
    assert_eq!(
        post("username=anna&password=x&evil=1")
            .await
            .unwrap()
            .status(),
        422
    );
    assert_eq!(
        http.post(at("/token"))
            .json(&json!({}))
            .send()
            .await
            .unwrap()
            .status(),
        415
    );
    let me: Value = http
        .get(at("/users/me"))
        .bearer_auth(&bearer)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(me["name"], "anna");
    let change = |query: &str| {
        http.post(at(&format!("/users/change-password{query}")))
            .bearer_auth(&person.access)
    };
    let answer = change("?new_password=x")
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "password_in_url");
    let body = json!({"current_password": PASSWORD, "new_password": "hills and more hills"});
    assert_eq!(change("").json(&body).send().await.unwrap().status(), 204);
    let set = |by: &Person, query: &str| {
        http.post(at(&format!("/users/anna/reset-password{query}")))
            .bearer_auth(&by.access)
    };
    assert_eq!(
        set(&admin, "?new_password=x")
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    let body = json!({"new_password": PASSWORD});
    assert_eq!(
        set(&admin, "").json(&body).send().await.unwrap().status(),
        204
    );
    let again = house.login("anna").await;
    assert_eq!(
        set(&again, "").json(&body).send().await.unwrap().status(),
        403
    );
}
