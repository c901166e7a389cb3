//! `node`, and what is read from them.
use super::program::{Program, free_port, has_fields, text};
use serde_json::json;

#[test]
fn a_node_from_its_configuration_to_its_end() {
    let program = Program::shared();
    let made = program.node("fra1");
    has_fields(
        &made,
        &[
            "id",
            "hook_url",
            "server_config",
            "server_config_yaml",
            "test",
            "warnings",
        ],
    );
    let config = &made["server_config"];
    assert_eq!(config["auth"]["type"], "http");
    assert_eq!(config["auth"]["http"]["url"], made["hook_url"]);
    assert_eq!(config["trafficStats"]["secret"], "stats-secret");
    assert!(text(&made, "hook_url").contains("fra1:"), "{made}");

    let listed = program.json(&["node", "list"]);
    let row = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|n| n["name"] == "fra1")
        .unwrap();
    has_fields(
        row,
        &[
            "id",
            "name",
            "address",
            "enabled",
            "state",
            "stats_url",
            "stats_read_at",
            "stats_error",
            "generation",
            "groups",
        ],
    );

    let printed = program.run(&["node", "config", "fra1"]);
    assert_eq!(&printed.json(), config);
    has_fields(
        &program.json(&["node", "config", "fra1"]),
        &["hook_url", "server_config", "server_config_yaml"],
    );
    let yaml = program.run(&["node", "config", "fra1", "--yaml"]);
    assert!(
        yaml.out.contains("\nauth:\n") || yaml.out.starts_with("auth:\n"),
        "{}",
        yaml.out
    );

    let edited = program.json(&[
        "node",
        "edit",
        "fra1",
        "--line-rate",
        "1Gbit",
        "--require-stats",
        "10m",
    ]);
    assert_eq!(
        json!([edited["line_rate"], edited["require_stats"]]),
        json!([125_000_000, 600])
    );
    let edited = program.json(&["node", "edit", "fra1", "--clear", "line-rate"]);
    assert_eq!(
        json!([edited["line_rate"], edited["require_stats"]]),
        json!([null, 600])
    );

    assert_eq!(program.json(&["node", "disable", "fra1"])["enabled"], false);
    assert_eq!(program.json(&["node", "enable", "fra1"])["enabled"], true);
    let rotated = program.json(&["node", "rotate-secret", "fra1", "--now"]);
    assert_ne!(rotated["hook_url"], made["hook_url"]);
    has_fields(
        &program.json(&["stats", "traffic", "--node", "fra1"]),
        &["tx", "rx", "total"],
    );
    program.json(&["node", "delete", "fra1", "--abandon"]);
    assert_eq!(program.run(&["node", "show", "fra1"]).code, 4);
}

#[test]
fn people_are_told_what_to_write_and_what_was_seen() {
    let program = Program::shared();
    let url = format!("http://127.0.0.1:{}", free_port());
    let said = program.run(&[
        "node",
        "add",
        "par1",
        "--address",
        "par1.example:443,20000-30000",
        "--stats-url",
        &url,
        "--obfs",
        "salamander:long-enough-word",
        "--own-address",
        "203.0.113.7",
        "--allow-target",
        "10.9.0.0/16",
        "--stats-secret",
        "s3cret-s3cret",
    ]);
    assert_eq!(said.code, 0, "{said:?}");
    for part in [
        "config.json",
        "config.yaml",
        "par1.example:443,20000-30000",
        "salamander",
        "203.0.113.7",
        "10.9.0.0/16",
        "test read: it failed: ",
    ] {
        assert!(said.out.contains(part), "no {part} in {}", said.out);
    }
}

#[test]
fn plain_http_off_this_machine_is_refused_until_it_is_allowed() {
    let program = Program::shared();
    let add = [
        "node",
        "add",
        "far1",
        "--address",
        "far1.example:443",
        "--stats-url",
        "http://192.0.2.7:9999",
        "--stats-secret",
        "stats-secret",
    ];
    let said = program.run(&[&add[..], &["--json"]].concat());
    assert_eq!(said.code, 2, "{said:?}");
    assert_eq!(said.problem()["errors"][0]["field"], "stats_url");
    assert_eq!(
        program.run(&["node", "show", "far1"]).code,
        4,
        "nothing was added"
    );
}

#[test]
fn nothing_reads_as_nothing() {
    let program = Program::shared();
    program.json(&["user", "create", "idle"]);
    assert_eq!(
        program.json(&["stats", "connections", "--all", "--user", "idle"]),
        json!([])
    );
    assert_eq!(program.json(&["quarantine", "list"]), json!([]));
    let traffic = program.json(&["stats", "traffic", "--user", "idle"]);
    assert_eq!(
        json!([traffic["tx"], traffic["rx"], traffic["total"]]),
        json!([0, 0, 0])
    );
    let said = program.run(&["stats", "connections"]);
    assert_eq!(
        (said.code, said.out.as_str(), said.err.as_str()),
        (0, "", "nobody is connected\n")
    );
    assert_eq!(program.run(&["stats", "decisions", "--unknown"]).code, 0);
    assert_eq!(
        program.run(&["stats", "decisions", "--user", "idle"]).code,
        0
    );
}
