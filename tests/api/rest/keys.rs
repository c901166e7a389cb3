//! Rotation: security.md K1, S3. Nothing is unreadable and nobody is locked out at any step.
use crate::support::{api::Api, house::House, until};
use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use hywarden::repositories::sealed::{COLUMNS, PASSING};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// A login at the hook; the connection id, or nothing.
async fn login(node: &Value, secret: &str) -> Option<String> {
    let url = node["hook_url"].as_str().unwrap();
    let answer = reqwest::Client::new().post(url);
    let answer = answer.json(&json!({"addr": "192.0.2.1:4", "auth": secret, "tx": 0}));
    let answer: Value = answer.send().await.unwrap().json().await.unwrap();
    (answer["ok"] == true).then(|| answer["id"].as_str().unwrap().to_owned())
}

async fn key(api: &Api, purpose: &str, number: i64) -> Option<Value> {
    let keys = api.get("/admin/keys").await.is(200);
    let mut all = keys["items"].as_array().unwrap().clone().into_iter();
    all.find(|k| k["purpose"] == purpose && k["number"] == number)
}

/// Moves what older keys hold, beside the program's own mover, which may be at it.
async fn moved(house: &House, api: &Api, purpose: &str, number: i64) {
    while house.services().keys.run_once().await.unwrap() > 0 {}
    let old = key(api, purpose, number).await.unwrap();
    assert_eq!(old["referenced"], false, "{old}");
}

#[tokio::test(flavor = "multi_thread")]
async fn k1_every_purpose_rotates_and_nobody_is_locked_out() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let node = house.node("n1", 1).await;
    let node = json!({"hook_url": node.config.hook_url.expose_secret()});
    let mut secrets = Vec::new();
    let mut devices = Vec::new();
    for n in 0..30 {
        api.post("/users", json!({"name": format!("u{n}")}))
            .await
            .is(201);
        let kind = match n % 3 {
            0 => json!({"name": "d"}),
            1 => json!({"name": "d", "kind": "userpass", "secret": format!("Name{n}:pass")}),
            _ => json!({"name": "d", "kind": "bare", "secret": format!("bare-secret-{n}")}),
        };
        let made = api
            .post(&format!("/users/u{n}/devices"), kind)
            .await
            .is(201);
        secrets.push(made["secret"].as_str().unwrap().to_owned());
        devices.push(made["id"].as_str().unwrap().to_owned());
    }
    let all_right = async || {
        for (secret, device) in secrets.iter().zip(&devices) {
            assert!(login(&node, secret).await.is_some(), "{secret}");
            let shown = api.get(&format!("/devices/{device}/uri")).await;
            assert_eq!(shown.status, 200, "{}", shown.text);
        }
    };
    all_right().await;
    for purpose in ["pepper", "sealing"] {
        for number in 2..=3 {
            let made = api
                .post(&format!("/admin/keys/{purpose}/rotate"), json!({}))
                .await
                .is(201);
            assert_eq!(
                (&made["number"], &made["mints"]),
                (&json!(number), &json!(true))
            );
            all_right().await;
            moved(&house, &api, purpose, number - 1).await;
            all_right().await;
            // nothing refers to it: it may go, and its number is not used again
            api.delete(&format!("/admin/keys/{purpose}/{}", number - 1))
                .await
                .is(204);
            assert_eq!(key(&api, purpose, number - 1).await, None);
            all_right().await;
        }
        api.delete(&format!("/admin/keys/{purpose}/3"))
            .await
            .refused(409, "state");
        api.delete(&format!("/admin/keys/{purpose}/9"))
            .await
            .refused(404, "not_found");
    }
    // a secret that exists is still refused, whichever pepper it was first hashed under
    let again = json!({"name": "x", "kind": "bare", "secret": "bare-secret-2"});
    api.post("/users/u0/devices", again)
        .await
        .refused(409, "duplicate");

    // ids of both keys are believed, so no report of a living connection goes to quarantine
    let old = login(&node, &secrets[0]).await.unwrap();
    api.post("/admin/keys/connection_id/rotate", json!({}))
        .await
        .is(201);
    let new = login(&node, &secrets[3]).await.unwrap();
    assert_eq!((&old[..1], &new[..1]), ("1", "2"));
    let open = "/stats/connections?all=true&limit=100";
    until(async || api.get(open).await.text.contains(&old)).await;
    api.delete("/admin/keys/connection_id/1")
        .await
        .refused(409, "state");

    // the chain goes on under the next key, and the whole of it verifies
    api.post("/admin/keys/audit/rotate", json!({}))
        .await
        .is(201);
    api.post("/groups", json!({"name": "g"})).await.is(201);
    let mut waiting = true;
    while waiting {
        house.services().audit.seal_once().await.unwrap();
        let found = api.post("/admin/audit/verify", json!({})).await.is(200);
        assert_eq!(found["intact"], true, "{found}");
        waiting = found["waiting"] != 0;
    }
    assert_eq!(key(&api, "audit", 1).await.unwrap()["referenced"], true);
    let signing = api
        .post("/admin/keys/signing/rotate", json!({}))
        .await
        .is(201);
    assert_eq!(signing["number"], 2);
    // what it signed is still out there
    api.delete("/admin/keys/signing/1")
        .await
        .refused(409, "state");
    api.post("/admin/keys/nonsense/rotate", json!({}))
        .await
        .refused(404, "not_found");

    // the file has them all, and the next start agrees with the data
    let file = house.app.addresses.socket.with_file_name("keys.toml");
    let text = std::fs::read_to_string(file).unwrap();
    for key in [
        "[pepper]\n3 = ",
        "[sealing]\n3 = ",
        "[connection_id]\n2 = ",
        "[audit]\n2 = ",
        "[signing]\n2 = ",
    ] {
        assert!(text.contains(key), "{key}");
    }
}

/// K1: a column of sealed values that the rotation does not know would be unreadable one day.
#[tokio::test(flavor = "multi_thread")]
async fn k1_the_rotation_knows_every_sealed_column() {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let house = House::start(&[]).await;
    let found: Vec<Name> = sql_query(
        "SELECT table_name || '.' || column_name AS name FROM information_schema.columns
         WHERE table_schema = 'public' AND data_type = 'bytea' AND column_name LIKE '%sealed%' ORDER BY 1",
    )
    .load(&mut house.test.connect().await)
    .await
    .unwrap();
    let mut known: Vec<String> = COLUMNS
        .iter()
        .chain(PASSING)
        .map(|c| format!("{}.{}", c.table, c.column))
        .collect();
    known.sort();
    let found: Vec<String> = found.into_iter().map(|row| row.name).collect();
    assert_eq!(found, known, "add it to repositories/sealed.rs");
}

/// K1: rotated as often as somebody wants. A letter of connection ids comes again once its key is gone.
#[tokio::test(flavor = "multi_thread")]
async fn k1_no_purpose_runs_out_of_numbers() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let node = house.node("n1", 1).await;
    let node = json!({"hook_url": node.config.hook_url.expose_secret()});
    api.post("/users", json!({"name": "u"})).await.is(201);
    let made = api.post("/users/u/devices", json!({"name": "d"})).await;
    let secret = made.is(201)["secret"].as_str().unwrap().to_owned();
    let rotate = async |purpose: &str| {
        api.post(&format!("/admin/keys/{purpose}/rotate"), json!({}))
            .await
    };
    for number in 2..=36 {
        assert_eq!(rotate("audit").await.is(201)["number"], number);
    }
    for number in 2..=35 {
        assert_eq!(rotate("connection_id").await.is(201)["number"], number);
    }
    assert!(login(&node, &secret).await.unwrap().starts_with('z'));
    rotate("connection_id").await.refused(409, "state");
    api.delete("/admin/keys/connection_id/1").await.is(204);
    assert_eq!(rotate("connection_id").await.is(201)["number"], 36);
    let id = login(&node, &secret).await.unwrap();
    assert!(id.starts_with('1'), "{id}");
    // the letter is held again, by the key that mints
    let key = key(&api, "connection_id", 36).await.unwrap();
    assert_eq!(
        (&key["mints"], &key["referenced"]),
        (&json!(true), &json!(true))
    );
}

/// K4: no key comes, and none goes, without its row, whether the row is refused or the commit.
#[tokio::test(flavor = "multi_thread")]
async fn k4_a_key_changes_with_its_row_or_not_at_all() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let rotate = "/admin/keys/pepper/rotate";
    api.post(rotate, json!({})).await.is(201);
    moved(&house, &api, "pepper", 1).await;
    let file = house.app.addresses.socket.with_file_name("keys.toml");
    let text = || std::fs::read_to_string(&file).unwrap();
    let before = (text(), api.get("/admin/keys").await.is(200));
    let mut conn = house.test.connect().await;
    let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$";
    conn.batch_execute(refuse).await.unwrap();
    for trigger in [
        "CREATE TRIGGER refused BEFORE INSERT ON audit",
        "CREATE CONSTRAINT TRIGGER refused AFTER INSERT ON audit DEFERRABLE INITIALLY DEFERRED",
    ] {
        let trigger = format!("{trigger} FOR EACH ROW EXECUTE FUNCTION refuse()");
        conn.batch_execute(&trigger).await.unwrap();
        let failed = api.post(rotate, json!({})).await;
        assert!(failed.status >= 500, "{trigger}: {}", failed.text);
        let failed = api.delete("/admin/keys/pepper/1").await;
        assert!(failed.status >= 500, "{trigger}: {}", failed.text);
        let drop = "DROP TRIGGER refused ON audit";
        conn.batch_execute(drop).await.unwrap();
        house.services().keys.run_once().await.unwrap();
        let after = (text(), api.get("/admin/keys").await.is(200));
        assert_eq!(after, before, "{trigger}");
    }
    let rows = api.all("/audit?action=key.", 100).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    api.delete("/admin/keys/pepper/1").await.is(204);
    assert_eq!(api.post(rotate, json!({})).await.is(201)["number"], 3);
    assert_eq!(text().matches("\n3 = ").count(), 1);
}
