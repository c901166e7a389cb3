//! `user`, `group`, and who may use what.
use super::program::{Program, has_fields, text};
use serde_json::json;

#[test]
fn a_user_from_its_creation_to_its_end() {
    let program = Program::shared();
    let made = program.json(&[
        "user",
        "create",
        "ann",
        "--quota",
        "10GiB",
        "--window",
        "month",
        "--expires",
        "30d",
        "--devices",
        "3",
        "--online",
        "2",
        "--note",
        "first",
    ]);
    has_fields(
        &made,
        &[
            "id",
            "name",
            "status",
            "role",
            "note",
            "quota",
            "window",
            "used",
            "used_total",
            "window_started_at",
            "expires_at",
            "activated_at",
            "on_hold",
            "device_limit",
            "online_limit",
            "groups",
            "created_at",
            "updated_at",
        ],
    );
    assert_eq!(
        json!([
            made["name"],
            made["status"],
            made["quota"],
            made["window"],
            made["device_limit"],
            made["online_limit"],
            made["used"],
            made["groups"]
        ]),
        json!(["ann", "active", 10_u64 << 30, "month", 3, 2, 0, ["default"]])
    );

    // By name, by id, in a list.
    let shown = program.json(&["user", "show", "ann"]);
    assert_eq!(shown["id"], made["id"]);
    assert_eq!(
        program.json(&["user", "show", text(&made, "id")])["name"],
        "ann"
    );
    let listed = program.json(&["user", "list", "--search", "ann"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);

    // What is not said stays.
    let edited = program.json(&[
        "user",
        "edit",
        "ann",
        "--quota",
        "unlimited",
        "--expires",
        "never",
    ]);
    assert_eq!(
        json!([edited["quota"], edited["expires_at"], edited["window"]]),
        json!([null, null, "month"])
    );

    assert_eq!(
        program.json(&["user", "suspend", "ann"])["status"],
        "suspended"
    );
    assert_eq!(
        program.json(&["user", "activate", "ann"])["status"],
        "active"
    );
    assert_eq!(program.json(&["user", "reset-usage", "ann"])["used"], 0);
    has_fields(&program.json(&["user", "explain", "ann"]), &["refusals"]);

    // For people.
    let said = program.run(&["user", "show", "ann"]);
    assert_eq!(said.code, 0);
    assert!(
        said.out.contains("\nstatus          active\n"),
        "{}",
        said.out
    );
    assert!(
        said.out.contains("used            0 B of unlimited"),
        "{}",
        said.out
    );

    assert_eq!(
        program.json(&["user", "delete", "ann", "--hard"]),
        json!({ "done": true })
    );
    let said = program.run(&["user", "show", "ann", "--json"]);
    assert_eq!(
        (said.code, said.problem()["code"].as_str()),
        (4, Some("not_found"))
    );
}

#[test]
fn on_hold_starts_its_clock_later() {
    let program = Program::shared();
    let made = program.json(&["user", "create", "holly", "--on-hold", "--expires", "30d"]);
    assert_eq!(
        json!([made["status"], made["expires_at"]]),
        json!(["on_hold", null])
    );
    let said = program.run(&["user", "show", "holly"]);
    assert!(
        said.out.contains("30d after the first login"),
        "{}",
        said.out
    );
    let short = program.json(&["user", "create", "shorty", "--expires", "5s"]);
    assert!(short["expires_at"].is_string());
}

#[test]
fn what_the_program_refuses_says_why() {
    let program = Program::shared();
    program.json(&["user", "create", "taken"]);
    let said = program.run(&["user", "create", "taken"]);
    assert_eq!(
        (said.code, said.err.as_str()),
        (5, "hywarden: another user has this name\n")
    );
    let said = program.run(&["user", "create", "x", "--group", "nope", "--json"]);
    assert_eq!(said.code, 2);
    assert_eq!(said.problem()["errors"][0]["field"], "groups");
    let said = program.run(&[
        "user",
        "create",
        "late",
        "--on-hold",
        "--expires",
        "2027-01-31T00:00:00Z",
    ]);
    assert_eq!(said.code, 2);
    assert!(said.err.starts_with("hywarden: expires_at: "), "{said:?}");
    for args in [
        &["user", "show", "nobody"][..],
        &["user", "edit", "nobody", "--note", "x"],
        &["user", "suspend", "nobody"],
        &["user", "delete", "nobody"],
        &["user", "explain", "nobody"],
        &["stats", "traffic", "--user", "nobody"],
        &["device", "show", "taken/phone"],
        &["device", "add", "nobody", "phone"],
        &["device", "show", "0193d5e2-0000-7000-8000-000000000000"],
        &["node", "show", "nowhere"],
        &["group", "show", "nothing"],
        &["token", "revoke", "0193d5e2-0000-7000-8000-000000000000"],
        &["quarantine", "drop", "999999"],
    ] {
        let said = program.run(args);
        assert_eq!(said.code, 4, "{args:?}: {said:?}");
    }
    // Nothing was changed.
    assert_eq!(program.run(&["user", "show", "x"]).code, 4);
    assert_eq!(program.run(&["user", "show", "late"]).code, 4);
}

#[test]
fn a_list_goes_over_its_pages() {
    let program = Program::shared();
    for n in 0..105 {
        program.json(&["user", "create", &format!("page{n:03}")]);
    }
    let all = program.json(&["user", "list", "--search", "page", "--sort", "name"]);
    let names: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|u| text(u, "name"))
        .collect();
    assert_eq!(
        (names.len(), names[0], names[104]),
        (105, "page000", "page104")
    );
    let some = program.json(&["user", "list", "--search", "page", "--limit", "3"]);
    assert_eq!(some.as_array().unwrap().len(), 3);
    assert_eq!(
        program.json(&["user", "list", "--search", "none-like-this"]),
        json!([])
    );
    let said = program.run(&[
        "user", "list", "--search", "page", "--sort", "name", "--limit", "2",
    ]);
    let lines: Vec<&str> = said.out.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[0].starts_with("NAME     STATUS  USED"),
        "{}",
        said.out
    );
    assert!(
        lines[1].starts_with("page000  active   0 B"),
        "{}",
        said.out
    );
}

#[test]
fn groups_decide_and_a_user_may_differ() {
    let program = Program::shared();
    program.node("gate");
    program.json(&["user", "create", "gina"]);
    let group = program.json(&["group", "create", "gold"]);
    has_fields(&group, &["id", "name", "created_at"]);
    assert_eq!(program.run(&["group", "create", "gold"]).code, 5);
    for args in [
        &["group", "add-user", "gold", "gina"][..],
        &["group", "add-node", "gold", "gate"],
        &["user", "deny", "gina", "gate"],
        &["user", "allow", "gina", "gate"],
        &["user", "inherit", "gina", "gate"],
        &["group", "remove-node", "gold", "gate"],
        &["group", "remove-user", "gold", "gina"],
    ] {
        let said = program.run(args);
        assert_eq!(
            (said.code, said.err.as_str()),
            (0, ""),
            "{args:?}: {said:?}"
        );
    }
    let groups = program.json(&["group", "list"]);
    assert!(
        groups
            .as_array()
            .unwrap()
            .iter()
            .any(|g| g["name"] == "gold")
    );
    program.json(&["group", "delete", "gold"]);
    assert_eq!(program.run(&["group", "show", "gold"]).code, 4);
}
