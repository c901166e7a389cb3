//! Who may do what: every route that the router knows, asked by everybody, held to `table.txt` (A1).
//!
//! A line is a method, a path and a rule: `open` to everybody, `known` to whoever is somebody, `person` to people that are
//! logged in, or a scope; `own` after a scope: also to a user, on what is its own; `rank`: to nobody who stands below the
//! person that the path names, or whose object.
mod asker;
mod table;

pub use table::{path, routes};

use crate::support::{api::Api, house::House};
use asker::{Asker, Half, NOWHERE, above, own_and_foreign};
use hywarden::{models::Role, services::callers::SCOPES};
use reqwest::StatusCode;
use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use table::{Rule, names_somebody, table};

const REFUSED: [&str; 3] = ["unauthenticated", "forbidden", "login_needed"];

/// Every route stands in the table, and nothing else does.
#[test]
fn a1_every_route_has_its_rule() {
    let table = table();
    let routes = routes();
    let missing: Vec<_> = routes.iter().filter(|r| !table.contains_key(*r)).collect();
    let gone: Vec<_> = table.keys().filter(|r| !routes.contains(r)).collect();
    assert!(
        missing.is_empty() && gone.is_empty(),
        "tests/api/matrix/table.txt lacks {missing:#?}, and holds {gone:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_everybody_may_what_the_table_says() {
    let house = House::start(&[("logins.tries", "10000"), ("logins.proofs", "10000")]).await;
    let node = house.node("fra1", 9).await;
    let local = Api::local(&house);
    let asker = Asker::new(&house);
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
