//! Configurations that were rendered before: held in Redis, sealed, and never older than the database.
use crate::support::{api::Api, house::House, redis::RedisServer};
use hywarden::{
    cache::{
        Cache,
        keys::{Key, Rendered},
    },
    keyring::{Keyring, Place},
};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// One device on two instances, and what Redis holds of it.
struct World {
    one: House,
    other: House,
    device: String,
    cache: Cache,
    redis: RedisServer,
}

impl World {
    async fn new() -> Self {
        let redis = RedisServer::start().await;
        let url = redis.url();
        let settings = [("redis.url", url.as_str())];
        let one = House::start(&settings).await;
        let other = House::beside(&one, &settings).await;
        let api = Api::local(&one);
        for (name, port) in [("a", 8), ("b", 9)] {
            let body = json!({"name": name, "address": format!("{name}.test:443"), "obfs": "salamander",
                "obfs_password": "pass-pass", "stats_url": format!("http://127.0.0.1:{port}")});
            api.post("/nodes", body).await.is(201);
        }
        api.post("/users", json!({"name": "bob"})).await.is(201);
        let phone = api.post("/users/bob/devices", json!({"name": "phone"}));
        let device = phone.await.is(201)["id"].as_str().unwrap().to_owned();
        let cache = one.services().devices.cache.clone().unwrap();
        Self {
            one,
            other,
            device,
            cache,
            redis,
        }
    }

    async fn config(&self, of: &House) -> Value {
        let path = format!("/devices/{}/config", self.device);
        Api::local(of).get(&path).await.is(200)
    }

    fn key(&self) -> Rendered<'static> {
        Rendered {
            device: self.device.parse().unwrap(),
            format: "hysteria",
            node: "",
        }
    }

    fn keyring(&self) -> &Keyring {
        &self.one.services().devices.keyring
    }

    /// What is held, opened.
    async fn held(&self) -> Value {
        let sealed = self.cache.get(&self.key()).await.unwrap().unwrap();
        let name = self.key().name();
        let text = self.keyring().open(&place(&name), &sealed).unwrap();
        serde_json::from_str(text.expose_secret()).unwrap()
    }

    async fn hold(&self, held: &Value) {
        let name = self.key().name();
        let text = held.to_string();
        let sealed = self.keyring().seal(&place(&name), &text).unwrap();
        self.cache.put(&self.key(), &sealed).await.unwrap();
    }
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "redis",
        column: "rendered",
        row,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_configuration_is_older_than_the_database() {
    let world = World::new().await;
    let api = Api::local(&world.one);
    let device = format!("/devices/{}", world.device);
    let profile = format!("/hysteria/config/bob/{}", world.device);
    let changes = [
        (Method::PUT, &*profile, json!({"mode": "http"})),
        (Method::POST, &format!("{device}/rotate"), json!({})),
        (Method::PATCH, "/nodes/a", json!({"address": "c.test:443"})),
        (
            Method::PATCH,
            "/nodes/a",
            json!({"obfs_password": "word-word"}),
        ),
        (Method::PUT, "/users/bob/nodes/a", json!({"effect": "deny"})),
        (Method::DELETE, "/users/bob/nodes/a", Value::Null),
        (Method::DELETE, "/groups/default/nodes/a", Value::Null),
        (Method::PUT, "/groups/default/nodes/a", json!({})),
        (Method::POST, "/nodes/a/disable", json!({})),
        (Method::DELETE, &profile, Value::Null),
    ];
    let mut before = world.config(&world.one).await;
    for (method, path, body) in changes {
        // both have it, and Redis does
        assert_eq!(world.config(&world.other).await, before);
        assert_eq!(world.held().await["config"]["file"], before);
        let request = api.request(method.clone(), path);
        let request = if body.is_null() {
            request
        } else {
            request.json(&body)
        };
        let status = request.send().await.unwrap().status();
        assert!(status.is_success(), "{method} {path}: {status}");
        let after = world.config(&world.other).await;
        assert_ne!(after, before, "{method} {path}");
        assert_eq!(world.config(&world.one).await, after, "{method} {path}");
        world.cache.delete(&world.key()).await.unwrap();
        assert_eq!(world.config(&world.one).await, after, "{method} {path}");
        before = after;
    }
    // a removed device has none, whatever was held
    api.delete(&device).await.is(200);
    let other = Api::local(&world.other);
    let gone = other.get(&format!("{device}/config")).await;
    assert_ne!(gone.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_is_sealed_shown_and_not_needed() {
    let mut world = World::new().await;
    let fresh = world.config(&world.one).await;
    let secret = fresh["auth"].as_str().unwrap();
    let sealed = world.cache.get(&world.key()).await.unwrap().unwrap();
    let shows = |text: &str| {
        sealed
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(!shows(secret) && !shows("a.test") && !shows("pass-pass"));
    // held: what the other rendered is what is shown
    let mut held = world.held().await;
    held["config"]["file"]["server"] = json!("held.test:443");
    world.hold(&held).await;
    assert_eq!(world.config(&world.other).await["server"], "held.test:443");
    // of a database that was put back to an earlier day
    held["seen"] = json!("9000000000:9000000000:");
    world.hold(&held).await;
    assert_eq!(world.config(&world.other).await, fresh);
    // by another version, by somebody who has not the key, for another device
    world.hold(&json!({"seen": "1:1:"})).await;
    assert_eq!(world.config(&world.other).await, fresh);
    let stranger = b"no sealed text at all, but long enough to be one".to_vec();
    world.cache.put(&world.key(), &stranger).await.unwrap();
    assert_eq!(world.config(&world.other).await, fresh);
    let (there, text) = (place("rendered:x"), held.to_string());
    let elsewhere = world.keyring().seal(&there, &text).unwrap();
    world.cache.put(&world.key(), &elsewhere).await.unwrap();
    assert_eq!(world.config(&world.other).await, fresh);
    world.redis.kill();
    assert_eq!(world.config(&world.one).await, fresh);
}
