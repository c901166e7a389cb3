//! The table, the routes that the router knows, and how their paths are filled.
use hywarden::{openapi, services::callers::SCOPES};
use serde_json::Value;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("table.txt");
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
pub(super) enum Rule {
    Open,
    Known,
    Person,
    Scope { name: String, own: bool, rank: bool },
}

pub(super) fn table() -> BTreeMap<String, Rule> {
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
pub(super) fn names_somebody(route: &str) -> bool {
    route.contains("{user") || route.contains("{device")
}
