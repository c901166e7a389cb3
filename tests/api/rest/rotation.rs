//! K1: keys of every purpose are rotated while people, devices, nodes and receivers go on. Before a rotation, after it, after
//! everything was moved, after the old key is gone: nothing is unreadable, nobody is locked out.
use crate::support::{
    api::Api,
    clock::TurnedClock,
    database::database,
    house::House,
    people::{PASSWORD, Person, totp},
    receiver::Receiver,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::{TimeDelta, Utc};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use hmac::{Hmac, KeyInit, Mac};
use hywarden::{clock::Clock, keyring::Purpose, repositories::sealed::COLUMNS};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;

struct World {
    house: House,
    clock: Arc<TurnedClock>,
    api: Api,
    receiver: Receiver,
    hook_url: String,
    devices: Vec<(String, String)>,
    /// With a second factor.
    anna: String,
    seed: String,
    /// Lives by refreshing.
    ben: Person,
    webhook: String,
    /// The newest first.
    webhook_secrets: Vec<String>,
    kept: String,
}

impl World {
    async fn new() -> Self {
        let receiver = Receiver::start();
        let (port, ca) = (receiver.port.to_string(), receiver.ca.to_str().unwrap());
        let settings = [
            ("webhooks.ports", port.as_str()),
            ("webhooks.allowed_cidrs", "127.0.0.1/32"),
            ("webhooks.ca_file", ca),
            ("logins.tries", "1000"),
        ];
        let clock = Arc::new(TurnedClock::at(Utc::now()));
        let house = House::on(database().await, clock.clone(), &settings).await;
        let api = Api::local(&house);
        let node = house.node("n1", 1).await;
        let hook_url = node.config.hook_url.expose_secret().to_owned();
        let obfs = json!({"obfs": "salamander", "obfs_password": "an obfuscating word"});
        api.patch("/nodes/n1", obfs).await.is(200);
        let anna = house.person("anna", "user").await;
        let mut devices = Vec::new();
        for (name, kind) in [
            ("own", json!({"name": "own"})),
            (
                "bare",
                json!({"name": "bare", "kind": "bare", "secret": "a bare secret"}),
            ),
            (
                "pair",
                json!({"name": "pair", "kind": "userpass", "secret": "Anna:pass"}),
            ),
        ] {
            let made = api.post("/users/anna/devices", kind).await;
            let made = made.is(201);
            let text = |field: &str| made[field].as_str().unwrap().to_owned();
            assert_eq!(text("name"), name);
            devices.push((text("id"), text("secret")));
        }
        let enrolled = anna.api.post("/auth/totp", json!({})).await.is(200);
        let seed = enrolled["secret"].as_str().unwrap().to_owned();
        let code = json!({"code": totp(&seed, clock.now().timestamp(), 0)});
        anna.api.post("/auth/totp/confirm", code).await.is(200);
        // and somebody who has not confirmed yet
        let carl = house.person("carl", "user").await;
        carl.api.post("/auth/totp", json!({})).await.is(200);
        let ben = house.person("ben", "admin").await;
        let body = json!({"name": "w", "url": receiver.url("/w"), "events": ["no.kind"]});
        let made = api.post("/webhooks", body).await.is(201);
        let first = made["secret"].as_str().unwrap().to_owned();
        let second = api
            .post("/webhooks/w/rotate-secret", json!({}))
            .await
            .is(200);
        let second = second["secret"].as_str().unwrap().to_owned();
        let mut world = Self {
            house,
            clock,
            api,
            receiver,
            hook_url,
            devices,
            anna: anna.name,
            seed,
            ben,
            webhook: made["id"].as_str().unwrap().to_owned(),
            webhook_secrets: vec![second, first],
            kept: String::new(),
        };
        world.kept = world.keep().await.1;
        world
    }

    /// An answer that is kept under a key.
    async fn keep(&self) -> (bool, String) {
        let request = self.api.request(Method::POST, "/tokens");
        let request = request.header("idempotency-key", "kept");
        let body = json!({"name": "kept", "scopes": ["users:read"]});
        let answer = request.json(&body).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        let replayed = answer.headers().contains_key("idempotency-replayed");
        (replayed, answer.text().await.unwrap())
    }

    /// Everybody gets in, everything is read.
    async fn all_right(&mut self, when: &str) {
        let nobody = Api::remote(&self.house, None);
        for (device, secret) in &self.devices {
            let http = reqwest::Client::new().post(&self.hook_url);
            let body = json!({"addr": "192.0.2.1:4", "auth": secret, "tx": 0});
            let answer: Value = http.json(&body).send().await.unwrap().json().await.unwrap();
            assert_eq!(answer["ok"], true, "{when}: {answer}");
            let shown = self
                .api
                .get(&format!("/devices/{device}/uri"))
                .await
                .is(200);
            assert!(
                shown.to_string().contains("an%20obfuscating%20word"),
                "{when}: {shown}"
            );
        }
        self.api.get("/nodes/n1/config").await.is(200);
        // a code is good once
        self.clock.turn(TimeDelta::seconds(30));
        let body = json!({"name": self.anna, "password": PASSWORD});
        let asked = nobody.post("/auth/login", body).await.is(202);
        let code = totp(&self.seed, self.clock.now().timestamp(), 0);
        let body = json!({"challenge": asked["challenge"], "code": code});
        nobody.post("/auth/login/code", body).await.is(200);
        self.ben.api.get("/users").await.is(200);
        self.refresh(&nobody, when).await;
        let path = format!("/webhooks/{}/test", self.webhook);
        let tested = self.api.post(&path, json!({})).await.is(200);
        assert_eq!(tested["delivered"], true, "{when}");
        let got = self.receiver.got(1).await.pop().unwrap();
        let signed = |secret: &String| {
            let key = BASE64_STANDARD.decode(&secret["whsec_".len()..]).unwrap();
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            let (id, at) = (
                &got.headers["webhook-id"],
                &got.headers["webhook-timestamp"],
            );
            mac.update(format!("{id}.{at}.{}", got.body).as_bytes());
            format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
        };
        let signatures: Vec<String> = self.webhook_secrets.iter().map(signed).collect();
        assert_eq!(
            got.headers["webhook-signature"],
            signatures.join(" "),
            "{when}"
        );
        let audit = self.api.get("/audit?user=anna&limit=100").await.is(200);
        assert!(
            audit.to_string().contains("anna@mail.example"),
            "{when}: personal details"
        );
    }

    /// The chain goes on, and a lost answer is given again.
    async fn refresh(&mut self, nobody: &Api, when: &str) {
        let body = json!({"refresh_token": self.ben.refresh});
        let next = nobody.post("/auth/refresh", body.clone()).await;
        assert_eq!(next.status, 200, "{when}: {}", next.text);
        let again = nobody.post("/auth/refresh", body).await.is(200);
        let text = |field: &str| next.body[field].as_str().unwrap().to_owned();
        assert_eq!(again["refresh_token"], text("refresh_token"), "{when}");
        self.ben.refresh = text("refresh_token");
        self.ben.api = Api::remote(&self.house, Some(&text("access_token")));
    }

    async fn referenced(&self, purpose: &str, number: i64) -> bool {
        let keys = self.api.get("/admin/keys").await.is(200);
        let mut all = keys["items"].as_array().unwrap().iter();
        let key = all.find(|k| k["purpose"] == purpose && k["number"] == number);
        key.unwrap()["referenced"] == true
    }

    async fn moved(&self) {
        while self.house.services().keys.run_once().await.unwrap() > 0 {}
    }

    async fn rotate(&mut self, purpose: Purpose) {
        let name = purpose.as_str();
        let path = format!("/admin/keys/{name}/rotate");
        // answered before, answered after
        let body = json!({"refresh_token": self.ben.refresh});
        let nobody = Api::remote(&self.house, None);
        let lost = nobody.post("/auth/refresh", body.clone()).await.is(200);
        self.api.post(&path, json!({})).await.is(201);
        let again = nobody.post("/auth/refresh", body).await.is(200);
        assert_eq!(lost["refresh_token"], again["refresh_token"], "{name}");
        again["refresh_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut self.ben.refresh);
        self.all_right(&format!("{name} rotated")).await;
        self.moved().await;
        self.all_right(&format!("{name} moved")).await;
        assert_eq!(self.keep().await, (true, self.kept.clone()), "{name}");
    }

    async fn retire(&mut self, purpose: Purpose) {
        let name = purpose.as_str();
        assert!(!self.referenced(name, 1).await, "{name}");
        self.api
            .delete(&format!("/admin/keys/{name}/1"))
            .await
            .is(204);
        self.all_right(&format!("{name} retired")).await;
    }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// K1, S3: pepper, id MAC, sealing, audit and signing.
#[tokio::test(flavor = "multi_thread")]
async fn k1_nobody_notices_a_rotation() {
    let mut world = Box::pin(World::new()).await;
    world.all_right("at first").await;
    // what is sealed nowhere would prove nothing
    for column in COLUMNS {
        let (table, column) = (column.table, column.column);
        let count = format!("SELECT count({column}) AS count FROM {table}");
        let count: Count = sql_query(count)
            .get_result(&mut world.house.test.connect().await)
            .await
            .unwrap();
        assert!(count.count > 0, "no {table}.{column} to be moved");
    }
    for purpose in Purpose::ALL {
        world.rotate(purpose).await;
        match purpose {
            Purpose::Pepper => world.retire(purpose).await,
            // ids of open connections, and the audit's chain, go on needing theirs
            Purpose::ConnectionId | Purpose::Audit => {
                let number = format!("/admin/keys/{}/1", purpose.as_str());
                world.api.delete(&number).await.refused(409, "state");
            }
            // kept answers alone still need the old one, for a day
            Purpose::Sealing => assert!(world.referenced("sealing", 1).await),
            Purpose::Signing => {
                world
                    .api
                    .delete("/admin/keys/signing/1")
                    .await
                    .refused(409, "state");
                // what it signed has run out: people refresh, and go on
                world.clock.turn(TimeDelta::minutes(16));
                let nobody = Api::remote(&world.house, None);
                world.refresh(&nobody, "what it signed has run out").await;
                world.retire(purpose).await;
            }
        }
    }
    world.clock.turn(TimeDelta::hours(25));
    world.house.services().accounting.forget().await.unwrap();
    let nobody = Api::remote(&world.house, None);
    world.refresh(&nobody, "a day later").await;
    // the old one has signed long enough
    world.webhook_secrets.truncate(1);
    world.retire(Purpose::Sealing).await;
}
