//! `plan`, batches, and what hangs on users and nodes.
use super::program::{Program, text};
use serde_json::json;

#[test]
fn a_plan_from_its_creation_to_its_end() {
    let program = Program::shared();
    let made = program.json(&[
        "plan",
        "create",
        "gold",
        "--quota",
        "10GiB",
        "--window",
        "month",
        "--valid-for",
        "30d",
        "--devices",
        "3",
        "--paid",
        "true",
        "--group",
        "default",
    ]);
    assert_eq!(
        json!([
            made["quota"],
            made["window"],
            made["valid_for"],
            made["device_limit"],
            made["paid"],
            made["groups"]
        ]),
        json!([10_u64 << 30, "month", 30 * 86_400, 3, true, ["default"]])
    );
    let shown = program.run(&["plan", "list"]);
    assert!(
        shown.out.contains("gold") && shown.out.contains("10 GiB"),
        "{shown:?}"
    );
    program.json(&["user", "create", "plan-user"]);
    let given = program.json(&["user", "set-plan", "plan-user", "gold"]);
    assert_eq!(
        (&given["plan"], &given["device_limit"]),
        (&json!("gold"), &json!(3))
    );
    assert_eq!(
        program.run(&["plan", "edit", "gold"]).code,
        2,
        "nothing is said"
    );
    program.json(&["plan", "edit", "gold", "--devices", "5"]);
    assert_eq!(program.json(&["plan", "apply", "gold"])["users"], 1);
    assert_eq!(
        program.json(&["user", "show", "plan-user"])["device_limit"],
        5
    );
    let refused = program.run(&["plan", "delete", "gold", "--json"]);
    assert_eq!(refused.problem()["code"], "state");
    program.json(&["user", "set-plan", "plan-user"]);
    program.json(&["plan", "delete", "gold"]);
}

#[test]
fn many_users_at_once_and_what_hangs_on_one() {
    let program = Program::shared();
    let make = [
        "user", "batch", "create", "--prefix", "many-", "--count", "3",
    ];
    let dry = program.json(&[make.as_slice(), &["--dry-run"]].concat());
    assert_eq!((&dry["done"], &dry["dry_run"]), (&json!(3), &json!(true)));
    assert_eq!(program.json(&make)["done"], 3);
    let said = program.run(&["user", "batch", "suspend", "many-1", "nobody", "many-2"]);
    assert_ne!(said.code, 0, "one could not be done");
    assert!(
        said.out.contains("many-2") && said.out.contains("404"),
        "{said:?}"
    );
    assert_eq!(
        program.json(&["user", "show", "many-1"])["status"],
        "suspended"
    );
    program.json(&["user", "batch", "activate", "many-1", "many-2"]);

    program.node("plan-node");
    program.json(&["device", "add", "many-1", "phone"]);
    let shown = program.json(&["user", "credentials", "many-1"]);
    let secret = text(&shown[0], "secret");
    let reset = program.json(&["user", "reset-credentials", "many-1"]);
    assert_ne!(text(&reset["items"][0], "secret"), secret);
    let told = program.run(&["user", "audit", "many-1"]);
    for action in [
        "user.create",
        "user.suspend",
        "device.reveal",
        "device.rotate",
    ] {
        assert!(told.out.contains(action), "{action} {told:?}");
    }
}

#[test]
fn a_nodes_configuration_over_time() {
    let program = Program::shared();
    let made = program.node("old-node");
    let labelled = program.json(&[
        "node", "edit", "old-node", "--paid", "true", "--gaming", "true",
    ]);
    assert_eq!(
        (&labelled["paid"], &labelled["config_version"]),
        (&json!(true), &json!(1))
    );
    program.json(&["node", "edit", "old-node", "--own-address", "192.0.2.7"]);
    let listed = program.json(&["node", "versions", "old-node"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let differs = program.run(&["node", "diff", "old-node", "1", "2"]);
    assert!(differs.out.contains("/acl/inline"), "{differs:?}");
    let back = program.json(&["node", "rollback", "old-node", "1"]);
    assert_eq!(
        (&back["config_version"], &back["own_addresses"]),
        (&json!(3), &json!([]))
    );
    let ours = made["server_config"].to_string();
    let fine = program.run_with(&["node", "validate", "old-node"], &ours);
    assert_eq!(fine.code, 0, "{fine:?}");
    let wrong = program.run_with(&["node", "validate", "old-node"], "listen: :1");
    assert_ne!(wrong.code, 0);
    assert!(wrong.out.contains("/auth/type"), "{wrong:?}");
    assert_eq!(
        program.json(&["node", "health", "old-node"])["healthy"],
        false
    );
    assert_eq!(
        program.json(&["node", "drain", "old-node"])["state"],
        "draining"
    );
    assert_eq!(
        program.json(&["node", "enable", "old-node"])["enabled"],
        true
    );
    let nobody = program.run(&["node", "users", "old-node"]);
    assert!(nobody.err.contains("nobody"), "{nobody:?}");
}
