//! The tables as the migrations leave them.
use crate::support::database::{TestDatabase, database, empty_database};
use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl;
use hywarden::database::{down, pending, status, up};
use std::process::Command;

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

async fn names(db: &TestDatabase, sql: &str) -> Vec<String> {
    let rows: Vec<Name> = sql_query(sql).load(&mut db.connect().await).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

/// The schema as text, without what differs from dump to dump.
fn dump(url: &str) -> String {
    let out = Command::new("pg_dump")
        .args(["--schema-only", "--no-owner", "-d", url])
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn up_down_up_leaves_an_identical_dump() {
    let db = empty_database().await;
    assert!(
        status(&db.url)
            .await
            .unwrap()
            .iter()
            .all(|step| !step.applied)
    );
    let ran = up(&db.url).await.unwrap();
    assert_eq!(ran.len(), status(&db.url).await.unwrap().len());
    let first = dump(&db.url);
    let reverted = down(&db.url, usize::MAX).await.unwrap();
    assert_eq!(reverted.len(), ran.len());
    let left = names(
        &db,
        "SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
            AND relname NOT LIKE '\\_\\_diesel%'
         UNION ALL SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
         UNION ALL SELECT typname::text FROM pg_type WHERE typnamespace = 'public'::regnamespace
            AND typname NOT LIKE '%\\_\\_diesel%'",
    )
    .await;
    assert_eq!(left, Vec::<String>::new(), "down.sql leaves nothing");
    up(&db.url).await.unwrap();
    assert_eq!(dump(&db.url), first);
}

#[tokio::test]
async fn instances_that_start_together_migrate_once() {
    let db = empty_database().await;
    let starts = (0..6).map(|_| up(&db.url));
    let ran: Vec<_> = futures_util::future::join_all(starts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let all = status(&db.url).await.unwrap();
    assert!(all.iter().all(|step| step.applied));
    assert_eq!(ran.iter().map(Vec::len).sum::<usize>(), all.len());
    assert_eq!(ran.iter().filter(|steps| !steps.is_empty()).count(), 1);
}

#[tokio::test]
async fn one_step_back_and_forth() {
    let db = database().await;
    assert!(pending(&db.url).await.unwrap().is_empty());
    assert_eq!(down(&db.url, 1).await.unwrap().len(), 1);
    assert_eq!(pending(&db.url).await.unwrap().len(), 1);
    assert_eq!(up(&db.url).await.unwrap().len(), 1);
}

/// Where nothing is pending nobody waits for the lock.
#[tokio::test]
async fn up_to_date_needs_no_lock() {
    use diesel_async::SimpleAsyncConnection;
    let db = database().await;
    let mut holder = db.connect().await;
    holder
        .batch_execute("SELECT pg_advisory_lock(7528179512541209966)")
        .await
        .unwrap();
    assert!(up(&db.url).await.unwrap().is_empty());
}

#[tokio::test]
async fn every_table_and_column_says_what_it_is() {
    let db = database().await;
    let silent = names(
        &db,
        "SELECT c.relname || coalesce('.' || a.attname, '') AS name
         FROM pg_class c
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
            AND c.relname NOT LIKE '\\_\\_diesel%'
            AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid, 'pg_class') IS NULL)
         ORDER BY 1",
    )
    .await;
    assert_eq!(silent, Vec::<String>::new());
}

#[tokio::test]
async fn constraints_and_indexes_are_named_after_their_table() {
    let db = database().await;
    let odd = names(
        &db,
        "SELECT n.name FROM (
            SELECT c.relname AS t, k.conname::text AS name FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
            WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
            UNION ALL
            SELECT c.relname, i.relname::text FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid
            JOIN pg_class i ON i.oid = x.indexrelid
            WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
         ) n
         WHERE NOT starts_with(n.name, n.t || '_') AND NOT starts_with(n.t, '__diesel') ORDER BY 1",
    )
    .await;
    assert_eq!(odd, Vec::<String>::new());
}
