//! The program as a process: starts, ends, killed from either side, refusals in one sentence.
use crate::support::{
    program::{Program, hywarden, open_dir, postgres_of, postmaster_of, said, signal, until},
    until as soon,
};
use serde_json::{Value, json};
use std::{
    fs::{self, Metadata},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
};

#[test]
fn it_stops_cleanly_and_keeps_its_data() {
    let dir = open_dir();
    let first = Program::serve(dir.path(), &[]);
    assert!(first.welcome.contains("device add"), "{}", first.welcome);
    let keys = fs::read(dir.path().join("keys.toml")).unwrap();
    assert!(first.stop());
    assert_eq!(postgres_of(dir.path()), Vec::<i32>::new());
    let second = Program::serve(dir.path(), &[]);
    assert_eq!(fs::read(dir.path().join("keys.toml")).unwrap(), keys);
    assert!(second.stop());
}

/// Everything below a folder that is no folder.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

/// Nobody but the owner.
fn is_closed(about: &Metadata) -> bool {
    about.mode().trailing_zeros() >= 6
}

/// T5: files and sockets are for the account that runs the program, whatever its mask.
#[test]
fn t5_files_and_sockets_are_their_owners() {
    let dir = open_dir();
    let program = Program::serve(dir.path(), &[]);
    let all = files(dir.path());
    assert!(all.iter().any(|path| path.ends_with("keys.toml")));
    let mut sockets = 0;
    for path in all {
        let about = fs::symlink_metadata(&path).unwrap();
        sockets += usize::from(about.file_type().is_socket());
        // PostgreSQL's own are behind a folder that is closed
        let behind = path.strip_prefix(dir.path()).unwrap();
        let closed = behind
            .ancestors()
            .skip(1)
            .map(|part| fs::metadata(dir.path().join(part)).unwrap())
            .any(|folder| folder.is_dir() && is_closed(&folder));
        assert!(
            is_closed(&about) || closed,
            "{}: {:o}",
            path.display(),
            about.mode()
        );
    }
    assert!(sockets > 0);
    assert!(program.stop());
}

/// SIGHUP is what `POST /config/reload` is, and ends nothing.
#[tokio::test]
async fn a_hangup_reads_the_configuration_again() {
    let dir = open_dir();
    let file = dir.path().join("config.toml");
    fs::write(&file, "[log]\nlevel = \"warn\"\n").unwrap();
    let program = Program::serve(dir.path(), &["--config", file.to_str().unwrap()]);
    let socket = dir.path().join("api.sock");
    let http = reqwest::Client::builder().unix_socket(socket).no_proxy();
    let http = http.build().unwrap();
    let get = async |path: &str| -> Value {
        let answer = http.get(format!("http://local/api/v1{path}")).send().await;
        answer.unwrap().json().await.unwrap()
    };
    // at this level each request leaves a line
    let info = async || {
        let lines = get("/admin/logs?level=info").await;
        let mut lines = lines["items"].as_array().unwrap().iter();
        lines.any(|line| line["line"]["msg"] == "answered")
    };
    assert_eq!(get("/config").await["log"]["level"], "warn");
    assert!(!info().await);
    fs::write(&file, "[log]\nlevel = \"info\"\n[logins]\ntries = 11\n").unwrap();
    signal(program.pid(), "HUP");
    soon(async || get("/config").await["log"]["level"] == "info").await;
    soon(info).await;
    assert_eq!(get("/config").await["logins"]["tries"], 11);
    let entry = get("/audit?action=config.reload").await["items"][0].clone();
    assert_eq!(entry["principal"], "system");
    assert_eq!(
        entry["detail"]["reloaded"],
        json!(["log.level", "logins.tries"])
    );
    // what cannot be read changes nothing
    fs::write(&file, "[log]\nlevle = \"warn\"\n").unwrap();
    signal(program.pid(), "HUP");
    soon(async || {
        get("/audit?action=config.reload").await["items"]
            .as_array()
            .unwrap()
            .len()
            == 2
    })
    .await;
    assert_eq!(get("/config").await["log"]["level"], "info");
    assert!(program.stop());
}

#[test]
fn killed_it_leaves_no_orphan_and_starts_again() {
    let dir = open_dir();
    for _ in 0..3 {
        let program = Program::serve(dir.path(), &[]);
        assert!(!program.postgres().is_empty());
        program.kill();
        until("PostgreSQL has ended too", || {
            postgres_of(dir.path()).is_empty()
        });
    }
    // at once: the old postmaster is still on its way out
    Program::serve(dir.path(), &[]).kill();
    assert!(Program::serve(dir.path(), &[]).stop());
}

#[test]
fn everything_killed_at_once_recovers() {
    let dir = open_dir();
    let program = Program::serve(dir.path(), &[]);
    signal(program.pid(), "STOP");
    for pid in program.postgres() {
        signal(pid, "KILL");
    }
    program.kill();
    assert!(Program::serve(dir.path(), &[]).stop());
}

#[test]
fn a_killed_postgres_is_started_again() {
    let dir = open_dir();
    let program = Program::serve(dir.path(), &[]);
    let old = postmaster_of(dir.path()).unwrap();
    signal(old, "KILL");
    until("another postmaster runs", || {
        postmaster_of(dir.path()).is_some_and(|new| new != old && program.postgres().contains(&new))
    });
    assert!(program.stop());
}

#[test]
fn a_second_one_is_refused_and_the_first_goes_on() {
    let dir = open_dir();
    let first = Program::serve(dir.path(), &[]);
    let why = Program::try_serve(dir.path(), &[]).err().unwrap();
    assert!(why.contains("another program runs on"), "{why}");
    let status = hywarden(dir.path())
        .args(["migrate", "status"])
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", said(&status));
    assert!(first.stop());
}

#[test]
fn keys_that_do_not_fit_the_data_are_refused() {
    let (dir, other) = (open_dir(), open_dir());
    assert!(Program::serve(dir.path(), &[]).stop());
    assert!(Program::serve(other.path(), &[]).stop());
    let file = dir.path().join("keys.toml");
    let own = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let why = Program::try_serve(dir.path(), &[]).err().unwrap();
    assert!(why.contains("keys.toml is missing"), "{why}");
    assert!(!file.exists(), "none are made for a database that has data");
    fs::copy(other.path().join("keys.toml"), &file).unwrap();
    let why = Program::try_serve(dir.path(), &[]).err().unwrap();
    assert!(why.contains("not the key"), "{why}");
    assert_eq!(postgres_of(dir.path()), Vec::<i32>::new());
    fs::write(&file, own).unwrap();
    assert!(Program::serve(dir.path(), &[]).stop());
}

#[test]
fn keys_may_lie_elsewhere() {
    let (dir, elsewhere) = (open_dir(), open_dir());
    let file = elsewhere.path().join("shared.toml");
    let set = format!("keys.file={}", file.display());
    assert!(Program::serve(dir.path(), &["--set", &set]).stop());
    assert!(file.exists() && !dir.path().join("keys.toml").exists());
}

#[test]
fn manual_migrations_are_waited_for() {
    let dir = open_dir();
    let manual = ["--set", "database.migrate=manual"];
    let why = Program::try_serve(dir.path(), &manual).err().unwrap();
    assert!(why.contains("hywarden migrate up"), "{why}");
    let up = hywarden(dir.path())
        .args(["migrate", "up"])
        .output()
        .unwrap();
    assert!(
        up.status.success() && said(&up).contains("applied"),
        "{}",
        said(&up)
    );
    assert!(Program::serve(dir.path(), &manual).stop());
}

#[test]
fn settings_are_checked_before_anything_starts() {
    let dir = open_dir();
    let missing = dir.path().join("data");
    let out = hywarden(&missing)
        .args(["serve", "--set", "server.lisen=x"])
        .output()
        .unwrap();
    assert!(!out.status.success());
    assert!(
        said(&out).contains("did you mean `server.listen`"),
        "{}",
        said(&out)
    );
    assert!(!missing.exists());
    let out = hywarden(&missing)
        .args(["config", "print"])
        .env("HYWARDEN__REDIS__URL", "redis://:canary@h")
        .output()
        .unwrap();
    assert!(
        out.status.success() && !said(&out).contains("canary"),
        "{}",
        said(&out)
    );
    let again = dir.path().join("printed.toml");
    fs::write(&again, out.stdout).unwrap();
    let out = hywarden(&missing)
        .args(["--config", again.to_str().unwrap(), "config", "check"])
        .output()
        .unwrap();
    assert!(
        !out.status.success() && said(&out).contains("redis.url"),
        "a redacted secret is no secret: {}",
        said(&out)
    );
}
