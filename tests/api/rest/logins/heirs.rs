//! What is made by a token, and who may end a token.
use crate::support::{
    api::Api,
    house::House,
    people::{PASSWORD, Person},
};
use serde_json::{Value, json};

/// Makes a token: what was answered, and a client that holds it.
async fn token(house: &House, by: &Api, body: Value) -> (Value, Api) {
    let made = by.post("/tokens", body).await.is(201);
    let api = Api::remote(house, made["secret"].as_str());
    (made, api)
}

/// A token of a person, and one that it made.
async fn mother_and_child(house: &House, owner: &Person) -> (Api, Api) {
    let name = |what: &str| format!("{what} of {}", owner.name);
    let scopes = json!(["tokens:write", "logins:write", "users:read"]);
    let body = json!({"name": name("mother"), "scopes": scopes});
    let (_, mother) = token(house, &owner.api, body).await;
    let body = json!({"name": name("child"), "scopes": scopes});
    let (_, child) = token(house, &mother, body).await;
    // and a child of that
    let body = json!({"name": name("grandchild"), "scopes": scopes});
    let (_, grandchild) = token(house, &child, body).await;
    (mother, grandchild)
}

/// S8, S10: what a token makes is its owner's, and ends with it.
#[tokio::test(flavor = "multi_thread")]
async fn s8_what_a_token_makes_ends_with_its_owner() {
    let house = House::start(&[("logins.registration", "invite")]).await;
    let local = Api::local(&house);
    for (name, path, body) in [
        ("anna", "/users/anna/suspend", json!({})),
        ("berta", "", json!({"password": "hills and more hills"})),
        ("carla", "/users/carla", Value::Null),
    ] {
        let owner = house.person(name, "admin").await;
        let (mother, child) = mother_and_child(&house, &owner).await;
        let invite = child.post("/auth/invites", json!({})).await.is(201);
        for api in [&mother, &child] {
            api.get("/users").await.is(200);
        }
        // a demotion narrows both
        let role = async |role: &str| {
            let path = format!("/users/{name}");
            local.patch(&path, json!({"role": role})).await
        };
        role("user").await.is(200);
        for api in [&mother, &child] {
            api.get("/users").await.refused(403, "forbidden");
        }
        let register = json!({"name": "x", "password": PASSWORD, "invite": invite["secret"]});
        let nobody = Api::remote(&house, None);
        let answer = nobody.post("/auth/register", register).await;
        answer.wrong(&["invite"]);
        role("admin").await.is(200);
        child.get("/users").await.is(200);
        match (path, &body) {
            ("", _) => {
                house
                    .password(name, body["password"].as_str().unwrap())
                    .await;
            }
            (path, Value::Null) => assert!(local.delete(path).await.status < 300),
            (path, _) => assert!(local.post(path, body.clone()).await.status < 300),
        }
        for api in [&mother, &child] {
            let answer = api.get("/users").await;
            answer.refused(401, "unauthenticated");
        }
    }
}

/// S10: no token makes one that outlives it or is good from elsewhere.
#[tokio::test(flavor = "multi_thread")]
async fn s10_a_token_is_bound_as_the_one_that_made_it() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let body = json!({
        "name": "mother", "scopes": ["tokens:write", "users:read"],
        "expires_in": 3600, "allowed_cidrs": ["127.0.0.0/8", "2001:db8::/32"],
    });
    let (made, mother) = token(&house, &local, body).await;
    let make = async |more: Value| {
        let mut body = json!({"name": "child", "scopes": ["users:read"]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        mother.post("/tokens", body).await
    };
    for wider in ["0.0.0.0/0", "127.0.0.0/7", "::/0", "192.0.2.1"] {
        let body = json!({"allowed_cidrs": ["127.0.0.1", wider]});
        make(body).await.wrong(&["allowed_cidrs"]);
    }
    make(json!({"expires_in": 7200}))
        .await
        .wrong(&["expires_in"]);
    let body = json!({"expires_at": "2999-01-01T00:00:00Z"});
    make(body).await.wrong(&["expires_at"]);
    let child = make(json!({})).await.is(201);
    for field in ["expires_at", "allowed_cidrs"] {
        assert_eq!(child[field], made[field], "{field}");
    }
    let narrow = json!({"name": "n", "expires_in": 60, "allowed_cidrs": ["127.0.0.1/32", "2001:db8:1::/48"]});
    make(narrow).await.is(201);
}

/// S10: nobody ends a token of somebody whom it could not manage.
#[tokio::test(flavor = "multi_thread")]
async fn s10_tokens_are_ended_by_rank() {
    let house = House::start(&[]).await;
    let local = Api::local(&house);
    let root = house.person("root", "superadmin").await;
    let admin = house.person("anna", "admin").await;
    let other = house.person("berta", "admin").await;
    let reads = json!(["users:read"]);
    let (_, of_root) = token(
        &house,
        &root.api,
        json!({"name": "of root", "scopes": ["*"]}),
    )
    .await;
    token(
        &house,
        &other.api,
        json!({"name": "of berta", "scopes": reads}),
    )
    .await;
    token(
        &house,
        &admin.api,
        json!({"name": "of anna", "scopes": reads}),
    )
    .await;
    token(&house, &local, json!({"name": "all", "scopes": ["*"]})).await;
    token(
        &house,
        &local,
        json!({"name": "keys", "scopes": ["admin:write"]}),
    )
    .await;
    token(&house, &local, json!({"name": "monitor", "scopes": reads})).await;
    let scopes = json!(["tokens:write"]);
    let (_, machine) = token(&house, &local, json!({"name": "machine", "scopes": scopes})).await;
    let end = async |by: &Api, name: &str| by.delete(&format!("/tokens/{name}")).await;
    for name in ["of root", "of berta", "all", "keys"] {
        end(&admin.api, name).await.refused(403, "rank");
        end(&machine, name).await.refused(403, "rank");
    }
    of_root.get("/users").await.is(200);
    end(&machine, "of anna").await.refused(403, "rank");
    for name in ["of anna", "monitor"] {
        end(&admin.api, name).await.is(200);
    }
    end(&machine, "machine").await.is(200);
    for name in ["of berta", "all", "keys", "of root"] {
        end(&root.api, name).await.is(200);
    }
    of_root.get("/users").await.refused(401, "unauthenticated");
}
