//! The private PostgreSQL, run by the supervisor in this process.
use crate::support::program::{open_dir, postgres_of, postmaster_of, signal, until};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use hywarden::database::{
    claim,
    private::{Options, Supervisor},
};
use nix::unistd::geteuid;
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

fn options(dir: &Path) -> Options {
    Options {
        root: dir.join("postgres"),
        ..Options::default()
    }
}

async fn refused(options: Options) -> String {
    format!("{:#}", Supervisor::start(options).await.unwrap_err())
}

async fn setting(conn: &mut AsyncPgConnection, name: &str) -> String {
    #[derive(diesel::QueryableByName)]
    struct Setting {
        #[diesel(sql_type = diesel::sql_types::Text)]
        value: String,
    }
    let sql = format!("SELECT current_setting('{name}') AS value");
    let found: Setting = diesel::sql_query(sql).get_result(conn).await.unwrap();
    found.value
}

#[tokio::test]
async fn it_is_durable_private_and_not_root() {
    let dir = open_dir();
    let server = Supervisor::start(options(dir.path())).await.unwrap();
    let mut conn = AsyncPgConnection::establish(&server.url()).await.unwrap();
    for (name, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("data_checksums", "on"),
        ("unix_socket_permissions", "0700"),
    ] {
        assert_eq!(setting(&mut conn, name).await, value, "{name}");
    }
    for pid in postgres_of(dir.path()) {
        assert_ne!(fs::metadata(format!("/proc/{pid}")).unwrap().uid(), 0);
    }
    let mode = |path: &str| {
        fs::metadata(dir.path().join(path))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("postgres/data"), 0o700);
    assert_eq!(mode("postgres/run"), 0o700);
    server.stop().await.unwrap();
    assert_eq!(postgres_of(dir.path()), Vec::<i32>::new());
}

#[tokio::test]
async fn it_is_started_again_when_it_dies_and_keeps_what_was_committed() {
    let dir = open_dir();
    let server = Supervisor::start(options(dir.path())).await.unwrap();
    let mut conn = AsyncPgConnection::establish(&server.url()).await.unwrap();
    conn.batch_execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)")
        .await
        .unwrap();
    for round in 1..=2 {
        signal(postmaster_of(dir.path()).unwrap(), "KILL");
        until("the postmaster is back", || server.restarts() == round);
        let mut conn = AsyncPgConnection::establish(&server.url()).await.unwrap();
        conn.batch_execute("SELECT 1 / (SELECT count(*) FROM kept WHERE n = 42)")
            .await
            .unwrap();
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_supervisor_leaves_nobody() {
    let dir = open_dir();
    drop(Supervisor::start(options(dir.path())).await.unwrap());
    until("it has stopped", || postgres_of(dir.path()).is_empty());
}

#[tokio::test]
async fn without_programs_one_sentence_says_what_to_install() {
    let (dir, empty) = (open_dir(), open_dir());
    let why = refused(Options {
        programs: Some(empty.path().to_owned()),
        ..options(dir.path())
    })
    .await;
    assert!(why.contains("apt-get install postgresql"), "{why}");
    assert_eq!(why.lines().count(), 1);
}

#[tokio::test]
async fn a_closed_folder_above_is_named() {
    let dir = open_dir();
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    let there = Options {
        root: closed.join("deep/postgres"),
        ..Options::default()
    };
    if geteuid().is_root() {
        let why = refused(there).await;
        let command = format!("chmod o+x {}", closed.display());
        assert!(why.contains(&command) && why.contains("0700"), "{why}");
        assert!(!closed.join("deep").exists(), "nothing was made");
    } else {
        // the server runs as ourselves, who may enter
        Supervisor::start(there)
            .await
            .unwrap()
            .stop()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_is_no_cluster_of_ours_is_left_alone() {
    let dir = open_dir();
    let data = dir.path().join("postgres/data");
    fs::create_dir_all(&data).unwrap();
    fs::set_permissions(
        dir.path().join("postgres"),
        fs::Permissions::from_mode(0o711),
    )
    .unwrap();
    let precious = data.join("precious");
    fs::write(&precious, "x").unwrap();
    let why = refused(options(dir.path())).await;
    assert!(why.contains("move it away"), "{why}");
    for (version, says) in [
        ("14\n", "15 is the oldest"),
        ("99\n", "apt-get install postgresql-99"),
        ("??\n", "PG_VERSION says"),
    ] {
        fs::write(data.join("PG_VERSION"), version).unwrap();
        let why = refused(options(dir.path())).await;
        assert!(why.contains(says), "{why}");
        assert_eq!(fs::read_to_string(&precious).unwrap(), "x");
    }
}

#[tokio::test]
async fn an_unfinished_cluster_is_made_again() {
    let dir = open_dir();
    let new = dir.path().join("postgres/data.new");
    fs::create_dir_all(new.join("base")).unwrap();
    fs::set_permissions(
        dir.path().join("postgres"),
        fs::Permissions::from_mode(0o711),
    )
    .unwrap();
    fs::write(new.join("PG_VERSION"), "15\n").unwrap();
    let server = Supervisor::start(options(dir.path())).await.unwrap();
    server.stop().await.unwrap();
    assert!(
        dir.path().join("postgres/data.unfinished.1/base").exists(),
        "set aside, not removed"
    );
}

#[tokio::test]
async fn a_pid_file_that_names_a_stranger_stands_in_nobodys_way() {
    let dir = open_dir();
    let server = Supervisor::start(options(dir.path())).await.unwrap();
    server.stop().await.unwrap();
    let file = dir.path().join("postgres/data/postmaster.pid");
    fs::write(&file, format!("{}\n", std::process::id())).unwrap();
    let server = Supervisor::start(options(dir.path())).await.unwrap();
    assert_ne!(
        postmaster_of(dir.path()),
        i32::try_from(std::process::id()).ok()
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_long_path_moves_the_socket() {
    let dir = open_dir();
    let long = dir.path().join("long-".repeat(25));
    fs::create_dir(&long).unwrap();
    fs::set_permissions(&long, fs::Permissions::from_mode(0o711)).unwrap();
    let server = Supervisor::start(options(&long)).await.unwrap();
    assert!(server.url().len() < 120, "{}", server.url());
    AsyncPgConnection::establish(&server.url()).await.unwrap();
    server.stop().await.unwrap();
}

#[tokio::test]
async fn one_process_a_data_directory() {
    let dir = open_dir();
    let first = claim(dir.path()).await.unwrap();
    let why = format!("{:#}", claim(dir.path()).await.unwrap_err());
    assert!(why.contains("another program runs on"), "{why}");
    drop(first);
    claim(dir.path()).await.unwrap();
}
