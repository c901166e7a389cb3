//! What the document promises of requests that make and change things, held to the router: every creation takes
//! `Idempotency-Key` (T4), every change of an object takes `If-Match`. A new route fails here until it does, or says why not.
use crate::support::{api::Api, house::House};
use hywarden::openapi;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Creations that keep no answer, and why.
const UNKEPT: &[(&str, &str)] = &[
    (
        "/auth/register",
        "nobody is known yet: keys are a principal's own",
    ),
    (
        "/auth/setup",
        "nobody is known yet, and its link is good once",
    ),
    (
        "/ws-ticket",
        "good once, for half a minute: a kept one would be a spent one",
    ),
];
/// Changes without a version, and why.
const UNVERSIONED: &[(&str, &str)] = &[
    (
        "PUT /groups/{group}/nodes/{node}",
        "is a member or is not: nothing to lose",
    ),
    (
        "PUT /groups/{group}/users/{user}",
        "is a member or is not: nothing to lose",
    ),
    ("PUT /users/{user}/nodes/{node}", "one word, written whole"),
];

struct Route {
    method: Method,
    path: String,
    said: Value,
}

impl Route {
    fn answers(&self, status: &str) -> bool {
        self.said["responses"].get(status).is_some()
    }
    fn takes(&self, header: &str) -> bool {
        let all = self.said["parameters"].as_array();
        all.is_some_and(|all| {
            all.iter()
                .any(|p| p["in"] == "header" && p["name"] == header)
        })
    }
}

fn routes(methods: &[&str]) -> Vec<Route> {
    let document: Value = serde_json::from_str(&openapi::json().unwrap()).unwrap();
    let mut all = Vec::new();
    for (path, said) in document["paths"].as_object().unwrap() {
        for (method, said) in said.as_object().unwrap() {
            if methods.contains(&method.as_str()) {
                all.push(Route {
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.strip_prefix("/api/v1").unwrap().to_owned(),
                    said: said.clone(),
                });
            }
        }
    }
    all
}

/// Somebody with a device, a node, a plan, a webhook.
struct Things {
    house: House,
    api: Api,
    device: String,
}

impl Things {
    async fn new() -> Self {
        let settings = [
            ("webhooks.allowed_cidrs", "127.0.0.0/8"),
            ("logins.tries", "1000"),
        ];
        let house = House::start(&settings).await;
        let api = Api::local(&house);
        for name in ["bob", "eve"] {
            api.post("/users", json!({"name": name})).await.is(201);
        }
        let device = api
            .post("/users/bob/devices", json!({"name": "phone"}))
            .await
            .is(201);
        house.node("fra1", 9).await;
        api.post("/plans", json!({"name": "gold"})).await.is(201);
        let hook = json!({"name": "hook", "url": "https://127.0.0.1/a"});
        api.post("/webhooks", hook).await.is(201);
        let device = device["id"].as_str().unwrap().to_owned();
        Self { house, api, device }
    }
}

/// T4: what is made twice under one key is made once and answered alike; another request under it is refused.
#[tokio::test(flavor = "multi_thread")]
async fn t4_every_creation_takes_a_key() {
    let things = Things::new().await;
    let node =
        |name: &str| json!({"name": name, "address": "n:1", "stats_url": "http://127.0.0.1:8"});
    let profile = format!("/hysteria/config/bob/{}", things.device);
    let hook = |name: &str| json!({"name": name, "url": "https://127.0.0.1/b"});
    let named = |name: &str| json!({"name": name});
    let none = json!({});
    let cases: BTreeMap<&str, (&str, Value, &str, Value)> = [
        ("/users", ("/users", named("a"), "/users", named("b"))),
        (
            "/users/{user}/devices",
            (
                "/users/bob/devices",
                named("a"),
                "/users/bob/devices",
                named("b"),
            ),
        ),
        (
            "/users/{user}/password-link",
            (
                "/users/bob/password-link",
                none.clone(),
                "/users/eve/password-link",
                none.clone(),
            ),
        ),
        ("/nodes", ("/nodes", node("a"), "/nodes", node("b"))),
        ("/groups", ("/groups", named("a"), "/groups", named("b"))),
        ("/plans", ("/plans", named("a"), "/plans", named("b"))),
        (
            "/tokens",
            (
                "/tokens",
                json!({"name": "a", "scopes": ["*"]}),
                "/tokens",
                json!({"name": "b", "scopes": ["*"]}),
            ),
        ),
        (
            "/webhooks",
            ("/webhooks", hook("a"), "/webhooks", hook("b")),
        ),
        (
            "/auth/invites",
            (
                "/auth/invites",
                json!({"note": "a"}),
                "/auth/invites",
                json!({"note": "b"}),
            ),
        ),
        (
            "/auth/setup-token",
            ("/auth/setup-token", none.clone(), "/groups", named("c")),
        ),
        (
            "/admin/keys/{purpose}/rotate",
            (
                "/admin/keys/pepper/rotate",
                none.clone(),
                "/admin/keys/sealing/rotate",
                none.clone(),
            ),
        ),
        (
            "/hysteria/config/{user}/{device}",
            (&profile, none.clone(), &profile, json!({"lazy": true})),
        ),
    ]
    .into();
    let api = &things.api;
    let post = async |path: &str, key: &str, body: &Value| {
        let request = api
            .request(Method::POST, path)
            .header("idempotency-key", key);
        let answer = request.json(body).send().await.unwrap();
        let replayed = answer.headers().contains_key("idempotency-replayed");
        (
            answer.status().as_u16(),
            replayed,
            answer.text().await.unwrap(),
        )
    };
    for route in routes(&["post"])
        .iter()
        .filter(|route| route.answers("201"))
    {
        let path = route.path.as_str();
        if UNKEPT.iter().any(|(unkept, _)| *unkept == path) {
            assert!(!route.takes("Idempotency-Key"), "{path} is no exception");
            continue;
        }
        assert!(route.takes("Idempotency-Key"), "{path} does not say so");
        assert!(route.answers("409") && route.answers("422"), "{path}");
        let (path, body, other_path, other) =
            cases.get(path).unwrap_or_else(|| panic!("try {path} too"));
        let first = post(path, &format!("key-of-{path}"), body).await;
        assert_eq!((first.0, first.1), (201, false), "{path}: {}", first.2);
        let again = post(path, &format!("key-of-{path}"), body).await;
        assert_eq!(again, (201, true, first.2), "{path}");
        let reused = post(other_path, &format!("key-of-{path}"), other).await;
        assert!(
            reused.0 == 422 && reused.2.contains("idempotency_key_reused"),
            "{path}: {reused:?}"
        );
    }
    // and once means once: what was refused changed nothing
    assert_eq!(api.all("/users", 100).await.len(), 3);
    assert_eq!(api.all("/webhooks", 100).await.len(), 2);
    assert_eq!(api.all("/auth/invites", 100).await.len(), 1);
}

/// A change that was thought out on an older version is refused, whatever is changed.
#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_an_object_takes_a_version() {
    let things = Things::new().await;
    let device = format!("/devices/{}", things.device);
    let profile = format!("/hysteria/config/bob/{}", things.device);
    let api = &things.api;
    api.post(&profile, json!({})).await.is(201);
    let person = things.house.person("anna", "user").await;
    let name = json!({"name": "x"});
    let gold = json!({"name": "gold"});
    let node = json!({"address": "k:1"});
    let cases: BTreeMap<&str, (&str, Value)> = [
        (
            "PATCH /admin/settings",
            ("/admin/settings", json!({"banner": "x"})),
        ),
        (
            "PATCH /auth/me",
            ("/auth/me", json!({"email": "anna@new.example"})),
        ),
        ("PATCH /devices/{device}", (&*device, name.clone())),
        ("PUT /devices/{device}", (&*device, name)),
        (
            "PUT /hysteria/config/{user}/{device}",
            (&*profile, json!({"lazy": true})),
        ),
        (
            "PATCH /nodes/{node}",
            ("/nodes/fra1", json!({"address": "m:1"})),
        ),
        ("PUT /nodes/{node}", ("/nodes/fra1", node)),
        (
            "PATCH /nodes/{node}/flags",
            ("/nodes/fra1/flags", json!({"gaming": true})),
        ),
        ("PATCH /plans/{plan}", ("/plans/gold", json!({"note": "x"}))),
        ("PUT /plans/{plan}", ("/plans/gold", gold)),
        ("PATCH /users/{user}", ("/users/bob", json!({"note": "x"}))),
        ("PUT /users/{user}", ("/users/bob", json!({"note": "x"}))),
        (
            "PUT /users/{user}/plan",
            ("/users/bob/plan", json!({"plan": "gold"})),
        ),
        (
            "PUT /users/{user}/quota",
            ("/users/bob/quota", json!({"quota": 5})),
        ),
        (
            "PATCH /webhooks/{webhook}",
            ("/webhooks/hook", json!({"events": ["user.*"]})),
        ),
    ]
    .into();
    for route in routes(&["put", "patch"]) {
        let which = format!("{} {}", route.method, route.path);
        if UNVERSIONED
            .iter()
            .any(|(unversioned, _)| *unversioned == which)
        {
            assert!(!route.takes("If-Match"), "{which} is no exception");
            continue;
        }
        assert!(
            route.takes("If-Match") && route.answers("412"),
            "{which} does not say so"
        );
        let (path, body) = cases
            .get(which.as_str())
            .unwrap_or_else(|| panic!("try {which} too"));
        let api = if path.starts_with("/auth/me") {
            &person.api
        } else {
            api
        };
        let change = async |tag: Option<&str>| {
            let mut request = api.request(route.method.clone(), path).json(body);
            if let Some(tag) = tag {
                request = request.header("if-match", tag);
            }
            api.answer(&which, request).await
        };
        change(Some("\"4711\"")).await.refused(412, "changed");
        // as it is read
        let object = path
            .trim_end_matches("/flags")
            .trim_end_matches("/plan")
            .trim_end_matches("/quota");
        let read = api.request(Method::GET, object).send().await.unwrap();
        let tag = read.headers()["etag"].to_str().unwrap().to_owned();
        change(Some(&tag)).await.is(200);
        change(None).await.is(200);
        change(Some(&tag)).await.refused(412, "changed");
    }
}
