//! What hangs on a user: quota, secrets, audit, traffic, connections; and names that look the same (security check I9).
use crate::support::{api::Api, house::House};
use serde_json::{Value, json};

/// I9: NFKC, case folding and the UTS 39 skeleton: what looks the same is the same name.
#[tokio::test(flavor = "multi_thread")]
async fn i9_names_that_look_the_same_collide() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for name in ["admin", "Ｂob", "scope", "lil"] {
        api.post("/users", json!({"name": name})).await.is(201);
    }
    for twin in [
        "аdmin",
        "ADMIN",
        "ａｄｍｉｎ",
        "bob",
        "ѕсоре",
        "1i1",
        "𝐚𝐝𝐦𝐢𝐧",
    ] {
        api.post("/users", json!({"name": twin}))
            .await
            .refused(409, "duplicate");
    }
    api.post("/users", json!({"name": "other"})).await.is(201);
    api.patch("/users/other", json!({"name": "аdmin"}))
        .await
        .refused(409, "duplicate");
    for hidden in ["a\u{202e}b", "a\u{200b}b", "a\u{7f}", "\u{feff}a", "a\r\nb"] {
        api.post("/users", json!({"name": hidden}))
            .await
            .wrong(&["name"]);
    }
    // an erased name is free, also for those that look like it
    assert_eq!(api.delete("/users/admin?hard=true").await.status, 204);
    api.post("/users", json!({"name": "аdmin"})).await.is(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_set_and_started_anew_at_once() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    api.post("/users", json!({"name": "bob", "quota": 5}))
        .await
        .is(201);
    house
        .test
        .execute(
            "INSERT INTO usage_totals SELECT number, 1, 1, 4, 4 FROM users;
             UPDATE users SET used = 8, used_total = 8",
        )
        .await;
    assert_eq!(api.get("/users/bob").await.is(200)["status"], "limited");
    let path = "/users/bob/quota";
    let set = api
        .put(path, Some(json!({"quota": 10, "window": "month"})))
        .await
        .is(200);
    assert_eq!(
        (&set["quota"], &set["window"], &set["used"]),
        (&json!(10), &json!("month"), &json!(8))
    );
    let before = api.all("/users/bob/audit", 100).await.len();
    let version = set["version"].as_i64().unwrap();
    let set = api
        .put(path, Some(json!({"quota": 3, "reset": true})))
        .await
        .is(200);
    assert_eq!(set["version"], version + 1, "one change");
    let rows = api.all("/users/bob/audit", 100).await;
    assert_eq!(rows.len(), before + 1, "written down once");
    let said = (&rows[0]["action"], &rows[0]["detail"]);
    let detail = json!({"quota": 3, "reset": true});
    assert_eq!(said, (&json!("user.update"), &detail));
    assert_eq!(
        (&set["quota"], &set["window"], &set["used"], &set["status"]),
        (&json!(3), &json!("month"), &json!(0), &json!("active"))
    );
    let set = api.put(path, Some(json!({"quota": null}))).await.is(200);
    assert_eq!(set["quota"], Value::Null);
    for (body, field) in [
        (json!({}), "quota"),
        (json!({"quota": -1, "reset": true}), "quota"),
        (json!({"quota": "1"}), "quota"),
        (json!({"quota": 1, "used": 0}), "used"),
    ] {
        api.put(path, Some(body)).await.wrong(&[field]);
    }
    api.put("/users/nobody/quota", Some(json!({"quota": 1})))
        .await
        .refused(404, "not_found");
}

/// P35: secrets are shown by a reveal of their own, which is audited, and not to who only reads.
#[tokio::test(flavor = "multi_thread")]
async fn p35_secrets_are_shown_by_audited_reveals_only() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let mut secrets = Vec::new();
    for name in ["phone", "tablet"] {
        let made = api
            .post("/users/bob/devices", json!({"name": name}))
            .await
            .is(201);
        secrets.push((made["id"].clone(), made["secret"].clone()));
    }
    let shown = api.get("/users/bob/credentials").await.is(200);
    for (item, (id, secret)) in shown["items"].as_array().unwrap().iter().zip(&secrets) {
        assert_eq!((&item["id"], &item["secret"]), (id, secret));
        assert!(item["uri"].as_str().unwrap().starts_with("hysteria2://"));
    }
    let scopes = [
        "users:read",
        "devices:read",
        "nodes:read",
        "traffic:read",
        "plans:read",
    ];
    let token = api
        .post("/tokens", json!({"name": "reader", "scopes": scopes}))
        .await
        .is(201);
    let reader = Api::remote(&house, token["secret"].as_str());
    let device = format!("/devices/{}", secrets[0].0.as_str().unwrap());
    for path in [
        "/users/bob/credentials",
        &format!("{device}/uri"),
        &format!("{device}/config"),
        &format!("{device}/qr"),
        "/nodes/fra1/config",
        &format!("/hysteria/config/bob/{}", secrets[0].0.as_str().unwrap()),
    ] {
        reader.get(path).await.refused(403, "forbidden");
        let action = if path.starts_with("/nodes") {
            "node.reveal"
        } else {
            "device.reveal"
        };
        let before = reveals(&api, action).await;
        assert_eq!(api.get(path).await.status, 200, "{path}");
        assert!(reveals(&api, action).await > before, "{path} is audited");
    }
    for path in [
        "/users",
        "/users/bob",
        "/users/bob/devices",
        "/devices",
        &device,
        "/nodes",
    ] {
        let text = reader.get(path).await.text;
        for (_, secret) in &secrets {
            assert!(!text.contains(secret.as_str().unwrap()), "{path}");
        }
    }

    let fresh = api
        .post("/users/bob/reset-credentials", json!({}))
        .await
        .is(200);
    for (item, (id, old)) in fresh["items"].as_array().unwrap().iter().zip(&secrets) {
        assert_eq!(&item["id"], id);
        assert_ne!(&item["secret"], old);
        assert_eq!(item["credential_version"], 2);
    }
    reader
        .post("/users/bob/reset-credentials", json!({}))
        .await
        .refused(403, "forbidden");
}

async fn reveals(api: &Api, action: &str) -> usize {
    let rows = api.all(&format!("/audit?action={action}"), 100).await;
    rows.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_to_a_user_is_told_newest_first() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let bob = json!({"name": "bob", "email": "bob@mail.example"});
    let made = api.post("/users", bob).await.is(201);
    api.post("/users", json!({"name": "carl"})).await.is(201);
    let device = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    let device = device["id"].as_str().unwrap();
    api.post(&format!("/devices/{device}/block"), json!({}))
        .await
        .is(200);
    api.post("/users/bob/suspend", json!({})).await.is(200);
    api.post("/users/carl/suspend", json!({})).await.is(200);
    let rows = api.all("/users/bob/audit", 2).await;
    let actions: Vec<&str> = rows.iter().map(|r| r["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "user.suspend",
            "device.block",
            "device.create",
            "user.create"
        ]
    );
    assert_eq!(rows[1]["subject"], format!("device:{device}"));
    assert!(rows[0]["principal"].as_str().unwrap().starts_with("cli:"));
    // what is personal in it is for auditors
    assert_eq!(rows[3]["personal"]["email"], "bob@mail.example");
    let scopes = json!({"name": "t", "scopes": ["users:read"]});
    let token = api.post("/tokens", scopes).await.is(201);
    let other = Api::remote(&house, token["secret"].as_str());
    let plain = other.get("/users/bob/audit").await.is(200);
    assert_eq!(plain["items"].as_array().unwrap().len(), 4);
    assert!(!plain.to_string().contains("bob@mail.example"));
    // what was done to somebody who is erased stays written
    assert_eq!(api.delete("/users/bob?hard=true").await.status, 204);
    let path = format!("/users/{}/audit", made["id"].as_str().unwrap());
    let rows = api.all(&path, 100).await;
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row["personal"].is_null()));
    api.get("/users/bob/audit").await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_and_connections_hang_on_their_nouns_too() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let made = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    house
        .test
        .execute(
            "INSERT INTO usage_totals SELECT user_no, number, 1, 5, 7 FROM devices;
             INSERT INTO connections (id, node_no, user_no, device_no, credential_version, generation, online_at, admitted_at)
             SELECT 'x' || n, 1, user_no, number, 1, 1, now(), now() FROM devices, generate_series(1, 3) n",
        )
        .await;
    let device = made["id"].as_str().unwrap();
    for (own, other) in [
        (
            "/users/bob/traffic".to_owned(),
            "/traffic/users/bob".to_owned(),
        ),
        (
            format!("/devices/{device}/traffic"),
            format!("/traffic/devices/{device}"),
        ),
        (
            "/nodes/fra1/traffic".to_owned(),
            "/traffic/nodes/fra1".to_owned(),
        ),
    ] {
        let traffic = api.get(&own).await.is(200);
        assert_eq!(traffic["total"], 12, "{own}");
        assert_eq!(traffic, api.get(&other).await.is(200));
    }
    assert_eq!(api.all("/users/bob/connections", 2).await.len(), 3);
    let here = api.all("/nodes/fra1/users", 10).await;
    assert_eq!(
        (here.len(), &here[0]["user"], &here[0]["connections"]),
        (1, &json!("bob"), &json!(3))
    );
    let health = api.get("/nodes/fra1/health").await.is(200);
    for (field, value) in [
        ("healthy", json!(false)),
        ("connections", json!(3)),
        ("users", json!(1)),
        ("name", json!("fra1")),
    ] {
        assert_eq!(health[field], value, "{field}");
    }
}

/// QR codes as pictures of both kinds.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_drawn_as_svg_and_as_png() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let made = api
        .post("/users/bob/devices", json!({"name": "phone"}))
        .await
        .is(201);
    let path = format!("/devices/{}/qr", made["id"].as_str().unwrap());
    let fetch = async |query: &str| {
        let request = api.request(reqwest::Method::GET, &format!("{path}{query}"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (kind, answer.bytes().await.unwrap())
    };
    assert_eq!(fetch("").await.0, "image/svg+xml");
    assert_eq!(fetch("?format=svg").await.0, "image/svg+xml");
    let (kind, png) = fetch("?format=png&node=fra1").await;
    assert_eq!(kind, "image/png");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
    let side = u32::from_be_bytes(png[16..20].try_into().unwrap()) as usize;
    assert_eq!(side % 8, 0);
    // the header, one deflated chunk of stored blocks, the end: a byte for each row's filter and one for 8 dots
    let length = u32::from_be_bytes(png[33..37].try_into().unwrap()) as usize;
    let raw = side * (side / 8 + 1);
    assert_eq!(length, 2 + 5 * raw.div_ceil(65_535) + raw + 4);
    assert!(png.ends_with(b"IEND\xae\x42\x60\x82"));
    api.get(&format!("{path}?format=gif"))
        .await
        .wrong(&["format"]);
}
