//! The keys' file against what the data was written with.
use crate::support::{database::database, program::open_dir};
use hywarden::{clock::SystemClock, keyring::Keyring, services::keys};
use std::{fs, path::Path, sync::Arc};

async fn open(db: &crate::support::database::TestDatabase, file: &Path) -> Result<Keyring, String> {
    keys::open(&mut db.connect().await, file, Arc::new(SystemClock))
        .await
        .map_err(|why| format!("{why:#}"))
}

fn without(file: &Path, purpose: &str, id: &str) {
    let text = fs::read_to_string(file).unwrap();
    let mut inside = false;
    let kept: Vec<_> = text
        .lines()
        .filter(|line| {
            if line.starts_with('[') {
                inside = *line == format!("[{purpose}]");
            }
            !(inside && line.starts_with(&format!("{id} =")))
        })
        .collect();
    fs::write(file, kept.join("\n")).unwrap();
}

fn add(file: &Path, purpose: &str, id: &str) {
    let text = fs::read_to_string(file).unwrap();
    let head = format!("[{purpose}]\n");
    let key = format!("{}{id}{}=", &purpose[..4], "A".repeat(38));
    let line = format!("{id} = \"{key}\"\n");
    fs::write(file, text.replace(&head, &format!("{head}{line}"))).unwrap();
}

#[tokio::test]
async fn first_keys_are_made_for_an_empty_database_only() {
    let (db, dir) = (database().await, open_dir());
    let file = dir.path().join("keys.toml");
    let first = open(&db, &file).await.unwrap();
    let again = open(&db, &file).await.unwrap();
    assert_eq!(first.fingerprints(), again.fingerprints());
    fs::remove_file(&file).unwrap();
    let why = open(&db, &file).await.unwrap_err();
    assert!(why.contains("is missing"), "{why}");
    assert!(!file.exists());
}

#[tokio::test]
async fn instances_that_start_together_share_the_first_keys() {
    let (db, dir) = (database().await, open_dir());
    let file = dir.path().join("keys.toml");
    let starts = (0..5).map(|_| open(&db, &file));
    let all: Vec<_> = futures_util::future::join_all(starts)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert!(
        all.iter()
            .all(|keys| keys.fingerprints() == all[0].fingerprints())
    );
    // a file of its own is the wrong one
    let why = open(&db, &dir.path().join("other.toml")).await.unwrap_err();
    assert!(why.contains("is missing"), "{why}");
}

#[tokio::test]
async fn a_key_may_go_when_nothing_refers_to_it() {
    let (db, dir) = (database().await, open_dir());
    let file = dir.path().join("keys.toml");
    open(&db, &file).await.unwrap();
    for purpose in ["pepper", "connection_id", "sealing"] {
        add(&file, purpose, "2");
    }
    let both = open(&db, &file).await.unwrap();
    assert_eq!(both.peppers()[0].0, 2);
    db.execute(
        "INSERT INTO nodes (id, name, address, hook_secret_hash, hook_secret_sealed, stats_url, stats_secret_sealed, created_at, updated_at)
         VALUES (gen_random_uuid(), 'n', 'h:1', '\\x00', '\\x0001ff', 'http://127.0.0.1:1', '\\x0001ff', now(), now())",
    )
    .await;
    without(&file, "sealing", "1");
    let why = open(&db, &file).await.unwrap_err();
    assert!(
        why.contains("[sealing] 1 is missing") && why.contains("refers"),
        "{why}"
    );
    db.execute("DELETE FROM nodes").await;
    open(&db, &file).await.unwrap();
    // a number that was used for another key stays taken
    add(&file, "sealing", "1");
    let why = open(&db, &file).await.unwrap_err();
    assert!(why.contains("[sealing] 1 is not the key"), "{why}");
}
