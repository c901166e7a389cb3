//! `doctor`, beside a running program, before the first start, after the last.
use super::program::{Program, Said, reachable_dir, verb};
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

fn finding<'a>(findings: &'a Value, check: &str) -> &'a Value {
    let found = findings
        .as_array()
        .unwrap()
        .iter()
        .find(|f| f["check"] == check);
    found.unwrap_or_else(|| panic!("no {check} in {findings}"))
}

fn doctor(dir: &Path) -> Said {
    verb(
        dir,
        &[
            "doctor",
            "--json",
            "--set",
            "server.listen=127.0.0.1:0",
            "--set",
            "metrics.listen=",
        ],
        "",
        &[],
    )
}

#[test]
fn a_running_program_passes() {
    let program = Program::shared();
    let said = doctor(&program.data_dir());
    let findings = said.json();
    for check in [
        "settings",
        "data directory",
        "keys",
        "program",
        "postgresql",
        "tables",
        "clock",
        "redis",
    ] {
        assert_eq!(finding(&findings, check)["result"], "pass", "{findings}");
    }
    assert_eq!(said.code, 0, "{findings}");
}

#[test]
fn before_the_first_start_nothing_is_made() {
    let dir = reachable_dir();
    let data = dir.path().join("data");
    let said = doctor(&data);
    assert_eq!(said.code, 0, "{said:?}");
    assert_eq!(finding(&said.json(), "program")["result"], "warn");
    assert_eq!(finding(&said.json(), "postgresql")["result"], "pass");
    assert!(!data.exists(), "a look makes nothing");
}

#[test]
fn what_fails_is_named_and_is_code_1() {
    let program = Program::start();
    let data = program.data_dir();
    fs::set_permissions(data.join("keys.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    let said = doctor(&data);
    assert_eq!(said.code, 1);
    assert_eq!(finding(&said.json(), "keys")["result"], "fail");
    let said = verb(&data, &["doctor", "--set", "database.pool=0"], "", &[]);
    assert_eq!(said.code, 1);
    assert!(
        said.out.starts_with("fail  settings  database.pool"),
        "{said:?}"
    );
}

#[test]
fn a_port_that_another_holds_fails() {
    let dir = reachable_dir();
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("server.listen={}", held.local_addr().unwrap());
    let said = verb(
        &dir.path().join("data"),
        &["doctor", "--json", "--set", &listen],
        "",
        &[],
    );
    assert_eq!(said.code, 1);
    assert_eq!(finding(&said.json(), "listen")["result"], "fail");
}

#[test]
fn what_was_started_for_the_look_is_stopped() {
    let program = Program::start();
    let data = program.stop();
    let said = doctor(&data.path().join("data"));
    let findings = said.json();
    assert_eq!(
        finding(&findings, "postgresql")["result"],
        "pass",
        "{findings}"
    );
    assert_eq!(finding(&findings, "tables")["result"], "pass", "{findings}");
    let pid = data.path().join("data/postgres/data/postmaster.pid");
    assert!(!pid.exists(), "PostgreSQL runs on");
}
