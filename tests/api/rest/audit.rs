//! The audit's chain: security.md K3, K4.
use crate::support::{api::Api, clock::TurnedClock, database::database, house::House, until};
use chrono::TimeDelta;
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn count(house: &House, sql: &str) -> i64 {
    let row: Count = sql_query(sql)
        .get_result(&mut house.test.connect().await)
        .await
        .unwrap();
    row.count
}

/// Until everything that was written is sealed.
async fn sealed(house: &House) -> i64 {
    // beside the program's own sealer, which may be at it
    while count(house, "SELECT count(*) FROM audit_unsealed").await > 0 {
        house.services().audit.seal_once().await.unwrap();
    }
    count(house, "SELECT count(*) FROM audit_seals").await
}

async fn flaws(api: &Api) -> Vec<(String, Value, Value)> {
    let found = api.post("/admin/audit/verify", json!({})).await.is(200);
    let findings = found["findings"].as_array().unwrap().iter();
    let findings: Vec<_> = findings
        .map(|f| {
            (
                f["flaw"].as_str().unwrap().to_owned(),
                f["sequence"].clone(),
                f["number"].clone(),
            )
        })
        .collect();
    assert_eq!(found["intact"], findings.is_empty());
    findings
}

/// As somebody who owns the database would.
async fn tamper(house: &House, sql: &str) {
    let mut conn = house.test.connect().await;
    conn.batch_execute(&format!("SET session_replication_role = replica; {sql}"))
        .await
        .unwrap();
}

async fn with_rows(house: &House, api: &Api) {
    for n in 0..8 {
        api.post("/groups", json!({"name": format!("g{n}")}))
            .await
            .is(201);
    }
    assert_eq!(
        sealed(house).await,
        count(house, "SELECT count(*) FROM audit").await
    );
    assert_eq!(flaws(api).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn k3_an_edited_deleted_reordered_or_slipped_in_row_shows() {
    let edit = "UPDATE audit SET detail = '{}' WHERE number = 3";
    let who = "UPDATE audit SET principal = 'cli:1' WHERE number = 3";
    let when = "UPDATE audit SET at = at + interval '1 microsecond' WHERE number = 3";
    let delete = "DELETE FROM audit WHERE number = 3";
    let swap = "UPDATE audit_seals SET audit_no = -audit_no WHERE sequence IN (3, 5);
        UPDATE audit_seals a SET audit_no = -b.audit_no, row_mac = b.row_mac FROM audit_seals b
            WHERE (a.sequence, b.sequence) IN ((3, 5), (5, 3))";
    let swap_rows = "CREATE TEMP TABLE two AS SELECT * FROM audit WHERE number IN (3, 5); DELETE FROM audit WHERE number IN (3, 5);
        INSERT INTO audit (number, principal, action, subject, detail, at, user_no, personal) OVERRIDING SYSTEM VALUE
            SELECT 8 - number, principal, action, subject, detail, at, user_no, personal FROM two";
    let gap = "DELETE FROM audit_seals WHERE sequence = 3; DELETE FROM audit WHERE number = 3";
    let slip = "INSERT INTO audit (principal, action, subject, at) VALUES ('cli:0', 'user.create', 'user:x', now())";
    let early =
        "DELETE FROM audit_seals WHERE sequence = 8; INSERT INTO audit_unsealed VALUES (99)";
    for (sql, expected) in [
        (edit, vec![("edited", json!(3))]),
        (who, vec![("edited", json!(3))]),
        (when, vec![("edited", json!(3))]),
        (delete, vec![("deleted", json!(3))]),
        (swap, vec![("reordered", json!(3)), ("reordered", json!(5))]),
        (swap_rows, vec![("edited", json!(3)), ("edited", json!(5))]),
        (gap, vec![("gap", json!(3))]),
        (slip, vec![("inserted", json!(null))]),
        (
            early,
            vec![
                ("cut", json!(8)),
                ("inserted", json!(null)),
                ("deleted", json!(null)),
            ],
        ),
    ] {
        let house = House::start(&[]).await;
        let api = Api::local(&house);
        with_rows(&house, &api).await;
        tamper(&house, sql).await;
        let found: Vec<_> = flaws(&api)
            .await
            .into_iter()
            .map(|(flaw, at, _)| (flaw, at))
            .collect();
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(flaw, at)| (flaw.to_owned(), at))
            .collect();
        assert_eq!(found, expected, "{sql}");
    }
}

/// The last place that is written down outside.
fn last_head(house: &House) -> i64 {
    let file = "audit-heads.jsonl";
    let heads = house.app.addresses.socket.with_file_name(file);
    let text = std::fs::read_to_string(heads).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["mac"].as_str().unwrap().len(), 64);
    last["sequence"].as_i64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn k3_a_cut_tail_shows_by_the_head_outside() {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let house = House::on(database().await, clock.clone(), &[]).await;
    let api = Api::local(&house);
    with_rows(&house, &api).await;
    let last = || last_head(&house);
    assert!(last() < 9);
    // each minute
    clock.turn(TimeDelta::seconds(61));
    api.post("/groups", json!({"name": "later"})).await.is(201);
    sealed(&house).await;
    until(async || last() == 9).await;
    let cut = "DELETE FROM audit_seals WHERE sequence > 4; DELETE FROM audit WHERE number > 4";
    tamper(&house, cut).await;
    // what this process remembers is not what proves it
    *house.services().audit.known.lock().unwrap() = None;
    let found = flaws(&api).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), &found[0].1), ("cut", &json!(5)));
    // links that were made anew are not the ones that were written down
    let anew = "UPDATE audit_seals SET chain_mac = row_mac, row_mac = chain_mac WHERE sequence = 1";
    tamper(&house, anew).await;
    let found: Vec<_> = flaws(&api).await.into_iter().map(|f| f.0).collect();
    assert!(
        found.contains(&"edited".to_owned()) && found.contains(&"reordered".to_owned()),
        "{found:?}"
    );
}

/// The program itself seals on from where the tail was cut: every link is right, and one is not the one of then.
#[tokio::test(flavor = "multi_thread")]
async fn k3_a_tail_that_grew_anew_shows_by_the_head_outside() {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let house = House::on(database().await, clock.clone(), &[]).await;
    let api = Api::local(&house);
    with_rows(&house, &api).await;
    clock.turn(TimeDelta::seconds(61));
    api.post("/groups", json!({"name": "later"})).await.is(201);
    sealed(&house).await;
    until(async || last_head(&house) == 9).await;
    let cut = "DELETE FROM audit_seals WHERE sequence > 4; DELETE FROM audit WHERE number > 4";
    tamper(&house, cut).await;
    for n in 0..8 {
        let group = json!({"name": format!("anew-{n}")});
        api.post("/groups", group).await.is(201);
    }
    assert_eq!(sealed(&house).await, 12);
    let found = flaws(&api).await;
    // an earlier head was written down, too, of the first rows or of all eight
    assert!(found.iter().all(|f| f.0 == "replaced"), "{found:?}");
    assert_eq!(found.last().map(|f| &f.1), Some(&json!(9)), "{found:?}");
}

/// Rows that are sealed while somebody verifies are not missed.
#[tokio::test(flavor = "multi_thread")]
async fn k3_a_chain_that_grows_meanwhile_is_whole() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    with_rows(&house, &api).await;
    let audit = house.services().audit.clone();
    let sealer = tokio::spawn({
        let audit = audit.clone();
        async move {
            loop {
                audit.seal_once().await.unwrap();
            }
        }
    });
    let grow = async {
        for n in 0..200 {
            let group = json!({"name": format!("grows-{n}")});
            api.post("/groups", group).await.is(201);
        }
    };
    let look = async {
        for _ in 0..200 {
            assert_eq!(audit.verify(0).await.unwrap().findings, []);
        }
    };
    futures_util::future::join(grow, look).await;
    sealer.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn k3_a_trigger_refuses_update_and_delete() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    with_rows(&house, &api).await;
    let mut conn = house.test.connect().await;
    for table in ["audit", "audit_seals"] {
        for sql in [
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
            format!(
                "UPDATE {table} SET {} = 1",
                if table == "audit" {
                    "user_no"
                } else {
                    "key_id"
                }
            ),
        ] {
            let why = conn.batch_execute(&sql).await.unwrap_err().to_string();
            assert!(why.contains("never changed"), "{sql}: {why}");
        }
    }
}

/// One writer: rows of many changes at once, several sealers, one chain without a gap.
#[tokio::test(flavor = "multi_thread")]
async fn k3_several_sealers_make_one_chain() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let changes = (0..40).map(|n| {
        let api = &api;
        async move {
            api.post("/groups", json!({"name": format!("g{n}")}))
                .await
                .is(201)
        }
    });
    let audit = &house.services().audit;
    let sealers = async {
        for _ in 0..20 {
            let all = (0..4).map(|_| audit.seal_once());
            for done in futures_util::future::join_all(all).await {
                done.unwrap();
            }
        }
    };
    futures_util::future::join(futures_util::future::join_all(changes), sealers).await;
    assert_eq!(sealed(&house).await, 40);
    assert_eq!(flaws(&api).await, []);
    let gaps = "SELECT count(*) FROM audit_seals s WHERE sequence > 1 AND NOT EXISTS (SELECT FROM audit_seals p WHERE p.sequence = s.sequence - 1)";
    assert_eq!(count(&house, gaps).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_listed_and_filtered() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    let bob = api
        .post("/users", json!({"name": "bob", "note": "canary of a note"}))
        .await
        .is(201);
    api.patch("/users/bob", json!({"name": "robert"}))
        .await
        .is(200);
    api.post("/groups", json!({"name": "g"})).await.is(201);
    let all = api.all("/audit", 1).await;
    let actions: Vec<_> = all.iter().map(|a| a["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        ["group.create", "user.update", "user.create"],
        "newest first, page by page"
    );
    assert_eq!(
        all[2]["personal"],
        json!({"name": "bob", "note": "canary of a note"})
    );
    assert_eq!(
        (&all[1]["personal"], &all[1]["user"]),
        (&json!({"name": "robert"}), &json!("robert"))
    );
    let of = async |query: &str| api.all(&format!("/admin/audit?{query}"), 100).await.len();
    assert_eq!(of("user=robert").await, 2);
    assert_eq!(
        of(&format!("subject=user:{}", bob["id"].as_str().unwrap())).await,
        2
    );
    assert_eq!(of("action=user.").await, 2);
    assert_eq!(of("action=user.create").await, 1);
    assert_eq!(of("principal=nobody").await, 0);
    assert_eq!(
        of("from=2000-01-01T00:00:00Z&to=2001-01-01T00:00:00Z").await,
        0
    );
    api.get("/audit?user=nobody")
        .await
        .refused(404, "not_found");
    api.get("/audit?action=%25").await.wrong(&["action"]);

    // erased: the key is gone, the chain still holds
    let dump = crate::rest::secrets::dump(&house.test.url);
    assert_eq!(
        dump.matches("canary of a note").count(),
        1,
        "in the user's own row alone"
    );
    api.delete("/users/robert?hard=true").await.is(204);
    let all = api
        .all(&format!("/audit?user={}", bob["id"].as_str().unwrap()), 100)
        .await;
    assert_eq!(all.len(), 3);
    assert!(
        all.iter()
            .all(|a| a["personal"].is_null() && a["user"] == ""),
        "{all:?}"
    );
    sealed(&house).await;
    assert_eq!(flaws(&api).await, []);
}
