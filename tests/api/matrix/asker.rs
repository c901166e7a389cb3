//! Whoever asks: with nothing, with half a login, for what is its own or somebody else's.
use super::table::path;
use crate::support::{
    api::Api,
    house::House,
    people::{PASSWORD, Person, totp},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

pub(super) const NOWHERE: &str = "01990000-0000-7000-8000-000000000000";

/// Asks a route as anybody.
pub(super) struct Asker {
    url: String,
    http: reqwest::Client,
}

impl Asker {
    pub(super) fn new(house: &House) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        Self {
            url: house.url(),
            http: http.build().unwrap(),
        }
    }

    /// The status and the code, or only the status of an answer that may never end.
    pub(super) async fn ask(
        &self,
        route: &str,
        path: &str,
        auth: Option<&str>,
    ) -> (StatusCode, String) {
        self.ask_with(route, path, auth, json!({})).await
    }

    pub(super) async fn ask_with(
        &self,
        route: &str,
        path: &str,
        auth: Option<&str>,
        body: Value,
    ) -> (StatusCode, String) {
        let method: Method = route.split_once(' ').unwrap().0.parse().unwrap();
        let url = format!("{}{path}", self.url);
        let request = self.http.request(method.clone(), url);
        let request = match auth {
            Some(auth) => request.header("authorization", auth),
            None => request,
        };
        let request = if method == Method::GET {
            request
        } else {
            request.json(&body)
        };
        let answer = request.send().await.unwrap();
        let status = answer.status();
        assert!(
            !status.is_server_error() || status == 501,
            "{route}: {status}"
        );
        if status.is_success() || status.is_redirection() || status.is_informational() {
            return (status, String::new());
        }
        let problem: Value = answer.json().await.unwrap_or_default();
        (
            status,
            problem["code"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

/// Somebody who has shown a password, and no code yet.
pub(super) struct Half {
    api: Api,
    seed: String,
}

impl Half {
    pub(super) async fn new(house: &House) -> Self {
        let person = house.person("half", "superadmin").await;
        let made = person.api.post("/auth/totp", json!({})).await.is(200);
        let half = Self {
            api: Api::remote(house, None),
            seed: made["secret"].as_str().unwrap().to_owned(),
        };
        let code = json!({"code": half.code(-1)});
        person.api.post("/auth/totp/confirm", code).await.is(200);
        half
    }

    fn code(&self, steps: i64) -> String {
        totp(&self.seed, chrono::Utc::now().timestamp(), steps)
    }

    pub(super) async fn challenge(&self) -> String {
        let body = json!({"name": "half", "password": PASSWORD});
        let asked = self.api.post("/auth/login", body).await.is(202);
        asked["challenge"].as_str().unwrap().to_owned()
    }

    pub(super) async fn comes_in_by(&self, challenge: &str) {
        let body = json!({"challenge": challenge, "code": self.code(1)});
        self.api.post("/auth/login/code", body).await.is(200);
    }
}

/// What somebody is answered on a superadmin, or what is a superadmin's, with a body that the route takes.
pub(super) async fn above(
    house: &House,
    asker: &Asker,
    route: &str,
    auth: &str,
) -> (StatusCode, String) {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let (local, name) = (Api::local(house), format!("above{n}"));
    let body = json!({"name": name, "role": "superadmin"});
    local.post("/users", body).await.is(201);
    let body = json!({"name": "phone"});
    let devices = format!("/users/{name}/devices");
    let made = local.post(&devices, body).await.is(201);
    let device = made["id"].as_str().unwrap().to_owned();
    let (_, end) = route.rsplit_once('/').unwrap();
    let body = match end {
        "plan" => json!({"plan": null}),
        "quota" => json!({"quota": null}),
        "reset-password" => json!({"new_password": PASSWORD}),
        "{node}" => json!({"effect": "allow"}),
        "devices" => json!({"name": "laptop"}),
        _ => json!({}),
    };
    let named = route
        .replace("{node}", "fra1")
        .replace("{group}", "default");
    let path = path(&named, &name, &device);
    asker.ask_with(route, &path, Some(auth), body).await
}

/// What a user is answered on its own object, and on another's.
pub(super) async fn own_and_foreign(
    house: &House,
    asker: &Asker,
    route: &str,
) -> ((StatusCode, String), (StatusCode, String)) {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let n = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let local = Api::local(house);
    let mut made: Vec<(Person, String)> = Vec::new();
    for who in ["own", "other"] {
        let person = house.person(&format!("{who}{n}"), "user").await;
        let body = json!({"name": "phone"});
        let device = local
            .post(&format!("/users/{}/devices", person.name), body)
            .await
            .is(201);
        made.push((person, device["id"].as_str().unwrap().to_owned()));
    }
    let auth = format!("Bearer {}", made[0].0.access);
    let foreign = path(route, &made[1].0.name, &made[1].1);
    let foreign = asker.ask(route, &foreign, Some(&auth)).await;
    let own = path(route, &made[0].0.name, &made[0].1);
    // a login that is named must be there
    let own = own.replace(NOWHERE, &made[0].0.session);
    (asker.ask(route, &own, Some(&auth)).await, foreign)
}
