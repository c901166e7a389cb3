//! `events tail`.
use super::program::{BINARY, Program, has_fields};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

#[test]
fn what_happened_is_listed() {
    let program = Program::shared();
    program.json(&["user", "create", "eve"]);
    let events = program.json(&["events", "tail", "--lines", "100"]);
    let event = events
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["kind"] == "user.created")
        .unwrap();
    has_fields(
        event,
        &["number", "kind", "severity", "at", "actor", "data"],
    );
    let said = program.run(&["events", "tail"]);
    assert!(said.out.contains("user.created"), "{}", said.out);
}

#[test]
fn what_happens_is_followed() {
    let program = Program::shared();
    program.json(&["user", "create", "before-following"]);
    let mut tail = Command::new(BINARY)
        .args([
            "events",
            "tail",
            "--follow",
            "--json",
            "--lines",
            "1",
            "--data-dir",
        ])
        .arg(program.data_dir())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = next()["number"].as_i64().unwrap();
    program.json(&["user", "create", "while-following"]);
    let mut last = first;
    loop {
        let event = next();
        let number = event["number"].as_i64().unwrap();
        assert!(number > last, "events come once, in order");
        last = number;
        if event.to_string().contains("user.created") {
            break;
        }
    }
    tail.kill().unwrap();
    tail.wait().unwrap();
}
