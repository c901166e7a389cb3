//! Who may do what: every route that the router knows, asked by everybody, held to the table beside this file (A1).
//!
//! A line is a method, a path and a rule: `open` to everybody, `known` to whoever is somebody, `person` to people that are
//! logged in, or a scope; `own` after a scope: also to a user, on what is its own; `rank`: to nobody who stands below the
//! person that the path names, or whose object.
use crate::support::{
    api::Api,
    house::House,
    people::{PASSWORD, Person, totp},
};
use hywarden::{models::Role, openapi, services::callers::SCOPES};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const TABLE: &str = include_str!("matrix.txt");
/// What stands at the root and is no part of the document.
const AT_ROOT: &[&str] = &[
    "POST /token",
    "GET /.well-known/jwks.json",
    "GET /users/me",
    "POST /users/change-password",
    "POST /users/{user}/reset-password",
    "GET /users",
    "POST /users",
    "DELETE /users/{user}",
    "GET /servers",
    "PATCH /server/{host}/config",
    "POST /heartbeat",
    "GET /setup",
    "GET /register",
    "GET /reset-password",
    "GET /pages.js",
    "GET /pages.css",
];

#[derive(Clone, Debug)]
enum Rule {
    Open,
    Known,
    Person,
    Scope { name: String, own: bool, rank: bool },
}

fn table() -> BTreeMap<String, Rule> {
    let lines = TABLE
        .lines()
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let rule = match words[2] {
                "open" => Rule::Open,
                "known" => Rule::Known,
                "person" => Rule::Person,
                name => {
                    assert!(SCOPES.contains(&name), "{line}");
                    Rule::Scope {
                        name: name.to_owned(),
                        own: words[3..].contains(&"own"),
                        rank: words[3..].contains(&"rank"),
                    }
                }
            };
            (format!("{} {}", words[0], words[1]), rule)
        })
        .collect()
}

pub fn routes() -> Vec<String> {
    let document: Value = serde_json::from_str(&openapi::json().unwrap()).unwrap();
    let mut all: Vec<String> = AT_ROOT.iter().map(|r| (*r).to_owned()).collect();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            all.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    all.sort();
    all
}

/// Every route stands in the table, and nothing else does.
#[test]
fn a1_every_route_has_its_rule() {
    let table = table();
    let routes = routes();
    let missing: Vec<_> = routes.iter().filter(|r| !table.contains_key(*r)).collect();
    let gone: Vec<_> = table.keys().filter(|r| !routes.contains(r)).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "tests/api/matrix.txt lacks {missing:#?}, and holds {gone:#?}"
    );
}

/// A path with objects that are nowhere, or with these.
pub fn path(route: &str, user: &str, device: &str) -> String {
    let (_, path) = route.split_once(' ').unwrap();
    path.split('/')
        .map(|part| match part {
            "{user}" | "{user_id}" | "{username}" => user,
            "{device}" | "{device_id}" => device,
            "{session}" | "{invite}" => "01990000-0000-7000-8000-000000000000",
            part if part.starts_with('{') => "1",
            part => part,
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Whether a route's objects belong to somebody.
fn names_somebody(route: &str) -> bool {
    route.contains("{user") || route.contains("{device")
}

struct Asker {
    house_url: String,
    http: reqwest::Client,
}

impl Asker {
    /// The status and the code, or only the status of an answer that may never end.
    async fn ask(&self, route: &str, path: &str, auth: Option<&str>) -> (StatusCode, String) {
        self.ask_with(route, path, auth, json!({})).await
    }

    async fn ask_with(
        &self,
        route: &str,
        path: &str,
        auth: Option<&str>,
        body: Value,
    ) -> (StatusCode, String) {
        let method: Method = route.split_once(' ').unwrap().0.parse().unwrap();
        let url = format!("{}{path}", self.house_url);
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

const NOWHERE: &str = "01990000-0000-7000-8000-000000000000";
const REFUSED: [&str; 3] = ["unauthenticated", "forbidden", "login_needed"];

#[tokio::test(flavor = "multi_thread")]
async fn a1_everybody_may_what_the_table_says() {
    let house = House::start(&[("logins.tries", "10000"), ("logins.proofs", "10000")]).await;
    let node = house.node("fra1", 9).await;
    let local = Api::local(&house);
    let asker = Asker {
        house_url: house.url(),
        http: reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap(),
    };
    let mut people = Vec::new();
    for role in Role::ALL {
        house.account(role.as_str(), role.as_str()).await;
        people.push((*role, house.login(role.as_str()).await));
    }
    house.account("guest", "user").await;
    let mut tokens = BTreeMap::new();
    for scope in SCOPES {
        let others: Vec<_> = SCOPES.iter().filter(|s| *s != scope).collect();
        for (kind, scopes) in [("with", json!([scope])), ("without", json!(others))] {
            let body = json!({"name": format!("{kind} {scope}"), "scopes": scopes});
            let made = local.post("/tokens", body).await.is(201);
            tokens.insert((kind, *scope), made["secret"].as_str().unwrap().to_owned());
        }
    }
    let hook: url::Url = {
        use secrecy::ExposeSecret;
        node.config.hook_url.expose_secret().parse().unwrap()
    };
    let basic = {
        use base64::{Engine, prelude::BASE64_STANDARD};
        let pair = format!("fra1:{}", hook.password().unwrap());
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    };
    let bearer = |token: &str| format!("Bearer {token}");
    let mut wrong = Vec::new();
    let mut expect = |what: String, fine: bool, saw: &(StatusCode, String)| {
        if !fine {
            wrong.push(format!("{what}: {saw:?}"));
        }
    };
    let half = Half::new(&house).await;
    let mut challenge = (Instant::now(), half.challenge().await);
    for (route, rule) in table() {
        if challenge.0.elapsed() > Duration::from_mins(1) {
            challenge = (Instant::now(), half.challenge().await);
        }
        let nowhere = path(&route, "nobody", NOWHERE);
        let anonymous = asker.ask(&route, &nowhere, None).await;
        let by_node = asker.ask(&route, &nowhere, Some(&basic)).await;
        // L10: what asks for a code opens nothing
        let half = asker
            .ask(&route, &nowhere, Some(&bearer(&challenge.1)))
            .await;
        let open = matches!(rule, Rule::Open);
        for (who, saw) in [
            ("anonymous", &anonymous),
            ("node", &by_node),
            ("half a login", &half),
        ] {
            let refused = saw.0 == 401 && saw.1 == "unauthenticated";
            // an open route may refuse what it was given, in words of its own
            let fine = if open { saw.1 != "forbidden" } else { refused };
            expect(format!("{route} by {who}"), fine, saw);
        }
        match &rule {
            Rule::Open => {}
            Rule::Known | Rule::Person => {
                let token = bearer(&tokens[&("with", "users:read")]);
                let saw = asker.ask(&route, &nowhere, Some(&token)).await;
                let fine = if matches!(rule, Rule::Known) {
                    !REFUSED.contains(&saw.1.as_str())
                } else {
                    saw.1 == "login_needed"
                };
                expect(format!("{route} by a token"), fine, &saw);
                // one of its own: it may end by this
                let person = house.login("guest").await;
                let saw = asker
                    .ask(&route, &nowhere, Some(&bearer(&person.access)))
                    .await;
                expect(
                    format!("{route} by a person"),
                    !REFUSED.contains(&saw.1.as_str()),
                    &saw,
                );
            }
            Rule::Scope { name, own, rank } => {
                for (role, person) in &people {
                    let saw = asker
                        .ask(&route, &nowhere, Some(&bearer(&person.access)))
                        .await;
                    // without an object the answer holds what is the user's own
                    let whole = *own && *role == Role::User && !names_somebody(&route);
                    let may = role.holds(name) || whole;
                    let fine = if may {
                        !REFUSED.contains(&saw.1.as_str())
                    } else if *own && *role == Role::User {
                        saw.0 == 404
                    } else {
                        saw.1 == "forbidden"
                    };
                    expect(format!("{route} by {role}"), fine, &saw);
                }
                for (kind, may) in [("with", true), ("without", false)] {
                    let token = bearer(&tokens[&(kind, name.as_str())]);
                    let saw = asker.ask(&route, &nowhere, Some(&token)).await;
                    let fine = if may {
                        !REFUSED.contains(&saw.1.as_str())
                    } else {
                        saw.1 == "forbidden"
                    };
                    expect(format!("{route} by a token {kind} {name}"), fine, &saw);
                }
                if names_somebody(&route) {
                    let admin = people
                        .iter()
                        .find(|(r, _)| *r == Role::Admin && r.holds(name));
                    let admin = admin.map(|(_, person)| &person.access);
                    let token = &tokens[&("with", name.as_str())];
                    for by in admin.into_iter().chain([token]) {
                        let saw = above(&house, &asker, &route, &bearer(by)).await;
                        let fine = !REFUSED.contains(&saw.1.as_str());
                        let fine = fine && (saw.1 == "rank") == *rank;
                        expect(format!("{route} on one above"), fine, &saw);
                    }
                }
                if *own && names_somebody(&route) {
                    let saw = own_and_foreign(&house, &asker, &route).await;
                    let fine = ![401, 403, 404].contains(&saw.0.0.as_u16());
                    // there is no profile of its own yet
                    let none =
                        route.starts_with("DELETE /api/v1/hysteria/config") && saw.0.0 == 404;
                    expect(format!("{route} on its own"), fine || none, &saw.0);
                    expect(format!("{route} on another's"), saw.1.0 == 404, &saw.1);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // it was good for all but that
    half.comes_in_by(&challenge.1).await;
}

/// Somebody who has shown a password, and no code yet.
struct Half {
    api: Api,
    seed: String,
}

impl Half {
    async fn new(house: &House) -> Self {
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

    async fn challenge(&self) -> String {
        let body = json!({"name": "half", "password": PASSWORD});
        let asked = self.api.post("/auth/login", body).await.is(202);
        asked["challenge"].as_str().unwrap().to_owned()
    }

    async fn comes_in_by(&self, challenge: &str) {
        let body = json!({"challenge": challenge, "code": self.code(1)});
        self.api.post("/auth/login/code", body).await.is(200);
    }
}

/// What somebody is answered on a superadmin, or what is a superadmin's, with a body that the route takes.
async fn above(house: &House, asker: &Asker, route: &str, auth: &str) -> (StatusCode, String) {
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
async fn own_and_foreign(
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
