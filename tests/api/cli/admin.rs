//! `audit`, `webhook`, `maintenance`, `keys`, `logs`.
use super::program::Program;

#[test]
fn an_operator_looks_after_the_program() {
    let program = Program::start();
    program.json(&["user", "create", "ann"]);
    let verified = program.json(&["audit", "verify"]);
    assert_eq!(verified["intact"], true);
    let listed = program.json(&["audit", "list", "--user", "ann", "--action", "user.create"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);

    let on = program.json(&["maintenance", "on", "--banner", "soon"]);
    assert_eq!(
        (&on["enabled"], on["banner"].as_str()),
        (&true.into(), Some("soon"))
    );
    let refused = program.run(&["user", "create", "eve", "--json"]);
    assert_eq!(
        (refused.code, refused.problem()["code"].as_str()),
        (7, Some("maintenance"))
    );
    assert_eq!(
        program.json(&["maintenance", "off"])["banner"],
        serde_json::Value::Null
    );
    program.json(&["user", "create", "eve"]);

    let keys = program.json(&["keys", "list"]);
    assert_eq!(keys.as_array().unwrap().len(), 5);
    assert_eq!(program.json(&["keys", "rotate", "audit"])["number"], 2);
    assert_eq!(program.run(&["keys", "retire", "audit", "2"]).code, 5);

    let refused = program.run(&["webhook", "create", "w", "https://127.0.0.1/", "--json"]);
    assert_eq!(refused.code, 2);
    let made = program.json(&[
        "webhook",
        "create",
        "w",
        "https://192.88.98.1/x",
        "--event",
        "user.*,node.down",
    ]);
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    assert_eq!(program.json(&["webhook", "disable", "w"])["enabled"], false);
    assert_eq!(
        program.json(&["webhook", "list"]).as_array().unwrap().len(),
        1
    );
    program.json(&["webhook", "delete", "w"]);
    assert_eq!(program.run(&["webhook", "show", "w"]).code, 4);

    let csv = program.run(&["stats", "export", "--step", "day"]);
    assert_eq!(
        (csv.code, csv.out.as_str()),
        (0, "at,user_id,user,device_id,device,node_id,node,tx,rx\r\n")
    );
    assert_eq!(
        program.run(&["stats", "export", "--user", "nobody"]).code,
        4
    );
    assert_eq!(program.json(&["stats", "traffic"])["total"], 0);
    assert_eq!(program.json(&["stats", "online"])["users"], 0);
    assert!(program.run(&["stats", "system"]).out.contains("memory"));

    // the program under test writes warnings and graver alone
    let lines = program.run(&["logs", "tail", "--level", "warn", "--lines", "5"]);
    let is_grave = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["level"] == "warn" || line["level"] == "error"
    };
    assert_eq!((lines.code, lines.out.lines().all(is_grave)), (0, true));
    assert_eq!(program.run(&["logs", "tail", "--level", "loud"]).code, 2);
}

#[test]
fn settings_are_switched_and_files_read_again() {
    let program = Program::start();
    let set = program.json(&[
        "settings",
        "set",
        "--deny-logins",
        "true",
        "--log-level",
        "error",
    ]);
    assert_eq!(
        (&set["deny_logins"], set["log_level"].as_str()),
        (&true.into(), Some("error"))
    );
    let set = program.json(&[
        "settings",
        "set",
        "--log-level",
        "configured",
        "--banner",
        "hello",
    ]);
    assert_eq!(set["log_level"], serde_json::Value::Null);
    let shown = program.run(&["settings", "show"]);
    assert!(
        shown.out.contains("hello") && shown.out.contains("yes"),
        "{shown:?}"
    );
    assert_eq!(program.run(&["settings", "set"]).code, 2, "nothing is said");

    assert_eq!(program.json(&["reload", "config"])["valid"], true);
    assert_eq!(program.json(&["reload", "directory"])["ready"], true);

    program.json(&["user", "create", "ann"]);
    let glance = program.json(&["stats", "dashboard"]);
    assert_eq!(
        glance["users"][5],
        serde_json::json!({"status": "active", "users": 1})
    );
    let glance = program.run(&["stats", "dashboard"]);
    assert!(glance.out.contains("1 active"), "{glance:?}");
    let jobs = program.json(&["stats", "jobs"]);
    assert!(!jobs["items"].as_array().unwrap().is_empty());
    let table = program.run(&["stats", "jobs"]);
    assert!(
        table.out.contains("outbox") && table.out.contains("LOOP"),
        "{table:?}"
    );
}

#[test]
fn the_document_is_printed_without_a_program() {
    let printed = std::process::Command::new(super::program::BINARY)
        .arg("openapi")
        .output()
        .unwrap();
    assert!(printed.status.success());
    let text = String::from_utf8(printed.stdout).unwrap();
    assert_eq!(text, include_str!("../../../docs/openapi.json"));
}
