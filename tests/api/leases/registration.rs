//! Instances register: without Redis one at a time, with it together.
use crate::support::database::database;
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use hywarden::{
    clock::SystemClock,
    repositories::instances,
    services::instance::{Registration, lease_space},
};
use std::time::{Duration, Instant};
use tokio::time::sleep;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn sessions(conn: &mut AsyncPgConnection, what: &str) -> i64 {
    let query = format!(
        "SELECT count({what}) AS count FROM pg_stat_activity JOIN pg_locks USING (pid)
         WHERE locktype = 'advisory' AND granted AND application_name = 'hywarden instance' AND datname = current_database()"
    );
    let count: Count = sql_query(query).get_result(conn).await.unwrap();
    count.count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn alone_or_together() {
    let db = database().await;
    let together = Registration::register(&db.url, true).await.unwrap();
    let other = Registration::register(&db.url, true).await.unwrap();
    let url = db.url.clone();
    let alone = tokio::spawn(async move { Registration::register(&url, false).await });
    drop(together);
    assert!(!alone.is_finished());
    drop(other);
    let alone = alone.await.unwrap().unwrap();
    assert!(alone.admits());
    let started = Instant::now();
    let refused = Registration::register(&db.url, true).await.err().unwrap();
    assert!(started.elapsed() >= Duration::from_secs(15));
    assert!(
        refused.to_string().contains("another instance"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_session_is_taken_again() {
    let db = database().await;
    let registered = Registration::register(&db.url, false).await.unwrap();
    let mut conn = db.connect().await;
    assert_eq!(sessions(&mut conn, "pg_terminate_backend(pid)").await, 1);
    while sessions(&mut conn, "*").await == 0 {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(registered.admits());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_loses_its_place_to_another_stops_admitting_until_it_has_it_again() {
    let db = database().await;
    let registered = Registration::register(&db.url, false).await.unwrap();
    let mut conn = db.connect().await;
    sessions(&mut conn, "pg_terminate_backend(pid)").await;
    while !instances::try_lock(&mut conn, false).await.unwrap() {
        sleep(Duration::from_millis(1)).await;
    }
    let lost = Instant::now();
    while registered.admits() {
        sleep(Duration::from_millis(50)).await;
    }
    assert!(lost.elapsed() >= Duration::from_secs(15));
    drop(conn);
    while !registered.admits() {
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_space_is_made_once() {
    let db = database().await;
    let pool = db.pool();
    let first = lease_space(&pool, &SystemClock).await.unwrap();
    assert_eq!(first.len(), 32);
    assert_eq!(lease_space(&pool, &SystemClock).await.unwrap(), first);
}
