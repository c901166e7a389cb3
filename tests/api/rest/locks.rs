//! Who waits for whom: every writer locks connections in the order of their ids, and a deadlock is told as what it is.
use crate::support::{api::Api, database::database, house::House, until};
use actix_web::ResponseError;
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use hywarden::error::Error;
use reqwest::Method;
use serde_json::json;

#[derive(QueryableByName)]
struct Blocked {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Until somebody waits in this database for a row that a connection of the test's own holds.
pub async fn blocked(house: &House) {
    let sql = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(async || {
        let mut conn = house.test.connect().await;
        let found: Blocked = sql_query(sql).get_result(&mut conn).await.unwrap();
        found.n > 0
    })
    .await;
}

/// The connections that nobody has locked.
async fn free(conn: &mut AsyncPgConnection) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Free {
        #[diesel(sql_type = Text)]
        id: String,
    }
    let sql = "SELECT id FROM connections FOR UPDATE SKIP LOCKED";
    let free: Vec<Free> = sql_query(sql).load(conn).await.unwrap();
    free.into_iter().map(|row| row.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_locked_in_the_order_of_their_ids() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    house.node("fra1", 9).await;
    api.post("/users", json!({"name": "bob"})).await.is(201);
    let device = json!({"name": "phone"});
    let device = api.post("/users/bob/devices", device).await.is(201);
    let kick = format!("/devices/{}/kick", device["id"].as_str().unwrap());
    for (method, path) in [
        (Method::POST, kick.as_str()),
        (Method::POST, "/nodes/fra1/kick"),
        (Method::DELETE, "/users/bob?hard=true"),
    ] {
        // in the table they lie the other way round
        let mut held = house.test.connect().await;
        held.batch_execute(
            "DELETE FROM connections;
             INSERT INTO connections (id, node_no, user_no, device_no, credential_version, generation, client_addr, online_at)
             SELECT c.id, n.number, d.user_no, d.number, 1, 1, '192.0.2.7', now()
             FROM devices d, nodes n, unnest(ARRAY['z', 'm', 'a']) WITH ORDINALITY AS c (id, place) ORDER BY place",
        )
        .await
        .unwrap();
        let hold = "BEGIN; SELECT FROM connections WHERE id = 'm' FOR UPDATE";
        held.batch_execute(hold).await.unwrap();
        let looked = async {
            blocked(&house).await;
            let free = free(&mut house.test.connect().await).await;
            held.batch_execute("ROLLBACK").await.unwrap();
            free
        };
        let (answer, free) = tokio::join!(api.send(method, path, None), looked);
        assert!(answer.status < 300, "{path}: {}", answer.text);
        assert_eq!(free, ["z"], "{path}");
    }
}

#[tokio::test]
async fn a_deadlock_is_told_as_busy() {
    let test = database().await;
    let (mut one, mut other) = (test.connect().await, test.connect().await);
    let groups = "INSERT INTO groups (id, name, created_at) SELECT gen_random_uuid(), n, now() FROM unnest(ARRAY['a', 'b']) n";
    one.batch_execute(groups).await.unwrap();
    let lock = |name: &str| format!("SELECT FROM groups WHERE name = '{name}' FOR UPDATE");
    for (conn, name) in [(&mut one, "a"), (&mut other, "b")] {
        let begin = format!("BEGIN; SET LOCAL deadlock_timeout = '10ms'; {}", lock(name));
        conn.batch_execute(&begin).await.unwrap();
    }
    let (b, a) = (lock("b"), lock("a"));
    let ends = tokio::join!(one.batch_execute(&b), other.batch_execute(&a));
    let given_up = ends.0.err().or(ends.1.err()).expect("one is given up");
    let error = Error::from(given_up);
    assert_eq!(error.word(), "busy", "{error}");
    let answer = error.error_response();
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
}
