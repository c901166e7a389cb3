//! `device`: secrets, links, codes and configurations.
use super::program::{Program, has_fields, text};
use serde_json::{Value, json};

#[test]
fn a_device_from_its_secret_to_its_end() {
    let program = Program::shared();
    program.node("dev-node");
    program.json(&["user", "create", "dan"]);
    let made = program.json(&[
        "device",
        "add",
        "dan",
        "phone",
        "--max-connections",
        "2",
        "--on-conflict",
        "refuse",
    ]);
    has_fields(
        &made,
        &[
            "id",
            "name",
            "user",
            "kind",
            "secret",
            "uri",
            "uris",
            "status",
            "max_connections",
            "on_conflict",
        ],
    );
    assert_eq!(
        json!([
            made["name"],
            made["user"],
            made["kind"],
            made["max_connections"],
            made["on_conflict"]
        ]),
        json!(["phone", "dan", "own", 2, "refuse"])
    );
    let secret = text(&made, "secret");
    assert!(secret.starts_with("hy1_"));
    assert!(text(&made, "uri").contains(secret));
    let uris = made["uris"].as_array().unwrap();
    let uri = uris.iter().find(|uri| uri["node"] == "dev-node").unwrap();
    assert!(text(uri, "uri").starts_with("hysteria2://"), "{uri}");

    // By id and by USER/NAME; the secret is not shown again here.
    let shown = program.json(&["device", "show", "dan/phone"]);
    assert_eq!(shown["id"], made["id"]);
    assert_eq!(shown["secret"], Value::Null);
    assert_eq!(
        program.json(&["device", "show", text(&made, "id")])["name"],
        "phone"
    );

    let one = program.run(&["device", "uri", "dan/phone", "--node", "dev-node"]);
    assert_eq!(one.out.trim_end(), text(uri, "uri"));

    let qr = program.run(&["device", "qr", "dan/phone", "--node", "dev-node"]);
    assert_eq!(qr.code, 0);
    assert!(
        qr.out.lines().count() > 15 && qr.out.contains('▀') && !qr.out.contains("hy1_"),
        "{}",
        qr.out
    );

    let hysteria = program.run(&["device", "config", "dan/phone", "--node", "dev-node"]);
    assert!(hysteria.out.contains(secret), "{hysteria:?}");
    let sing_box = program.run(&[
        "device",
        "config",
        "dan/phone",
        "--node",
        "dev-node",
        "--format",
        "sing-box",
    ]);
    assert_eq!(sing_box.json()["outbounds"][0]["type"], "hysteria2");
    assert_eq!(sing_box.err, "");
    // of a pinned certificate sing-box knows nothing: said beside the file, never in it
    let pin = "ab".repeat(32);
    program.json(&["node", "edit", "dev-node", "--pin", &pin]);
    let pinned = [
        "device",
        "config",
        "dan/phone",
        "--node",
        "dev-node",
        "--format",
    ];
    let sing_box = program.run(&[&pinned[..], &["sing-box"]].concat());
    assert_eq!(sing_box.json()["outbounds"][0]["type"], "hysteria2");
    assert!(
        sing_box.err.contains("cannot check the pinned certificate"),
        "{sing_box:?}"
    );
    let hysteria = program.run(&[&pinned[..], &["hysteria"]].concat());
    assert_eq!((hysteria.code, hysteria.err.as_str()), (0, ""));

    assert_eq!(
        program.json(&["device", "block", "dan/phone"])["status"],
        "blocked"
    );
    program.json(&["device", "unblock", "dan/phone"]);
    let rotated = program.json(&["device", "rotate", "dan/phone"]);
    assert_ne!(rotated["secret"], made["secret"]);
    assert_eq!(program.run(&["device", "kick", "dan/phone"]).code, 0);
    assert_eq!(
        program.json(&["device", "rename", "dan/phone", "pad"])["name"],
        "pad"
    );
    assert_eq!(
        program.json(&["device", "edit", "dan/pad", "--max-connections", "1"])["max_connections"],
        1
    );
    assert_eq!(
        program
            .json(&["device", "list", "--user", "dan"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
    has_fields(
        &program.json(&["stats", "traffic", "--device", "dan/pad"]),
        &["tx", "rx", "total"],
    );
    program.json(&["device", "delete", "dan/pad"]);
    assert_eq!(program.run(&["device", "show", "dan/pad"]).code, 4);
}

#[test]
fn secrets_that_clients_have_already_come_from_standard_input() {
    let program = Program::shared();
    program.json(&["user", "create", "lena"]);
    let bare = [
        "device",
        "add",
        "lena",
        "old",
        "--kind",
        "bare",
        "--secret-stdin",
    ];
    let made = program.json_with(&bare, "legacy secret\n");
    assert_eq!(
        json!([made["kind"], made["secret"]]),
        json!(["bare", "legacy secret"])
    );
    let userpass = [
        "device",
        "add",
        "lena",
        "tv",
        "--kind",
        "userpass",
        "--secret-stdin",
    ];
    let made = program.json_with(&userpass, "Lena:pass:word");
    assert_eq!(made["kind"], "userpass");
    let again = [
        "device",
        "add",
        "lena",
        "two",
        "--kind",
        "bare",
        "--secret-stdin",
    ];
    let said = program.run_with(&again, "legacy secret");
    assert_eq!(said.code, 5, "{said:?}");
    assert!(
        !said.err.contains("legacy secret"),
        "a secret never stands in an error: {said:?}"
    );
}

#[test]
fn the_limit_of_devices_holds() {
    let program = Program::shared();
    program.json(&["user", "create", "limo", "--devices", "1"]);
    program.json(&["device", "add", "limo", "one"]);
    let said = program.run(&["device", "add", "limo", "two", "--json"]);
    assert_eq!(
        (said.code, said.problem()["code"].as_str()),
        (5, Some("device_limit"))
    );
}

#[test]
fn many_devices_at_once_and_how_their_clients_behave() {
    let program = Program::shared();
    program.json(&["user", "create", "many"]);
    for name in ["one", "two"] {
        program.json(&["device", "add", "many", name]);
    }
    let would = program.json(&[
        "device",
        "batch",
        "block",
        "many/one",
        "many/two",
        "--dry-run",
    ]);
    assert_eq!(
        (&would["done"], &would["dry_run"]),
        (&2.into(), &true.into())
    );
    assert_eq!(
        program.json(&["device", "show", "many/one"])["status"],
        "active"
    );
    let done = program.run(&["device", "batch", "block", "many/one", "many/two"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert_eq!(
        program.json(&["device", "show", "many/two"])["status"],
        "blocked"
    );
    let nobody = "01990000-0000-7000-8000-000000000000";
    let partly = program.run(&["device", "batch", "unblock", "many/one", nobody]);
    assert!(partly.code == 1 && partly.out.contains("404"), "{partly:?}");
    let rotated = program.json(&["device", "batch", "rotate", "many/one"]);
    let secret = rotated["items"][0]["secret"]["secret"].as_str().unwrap();
    assert!(secret.starts_with("hy1_"), "{rotated}");

    program.json(&[
        "node",
        "add",
        "profiles",
        "--address",
        "hy.example:443",
        "--stats-url",
        "http://127.0.0.1:9",
        "--stats-secret",
        "0123456789abcdef0123456789abcdef",
    ]);
    let set = program.json(&[
        "device",
        "profile",
        "set",
        "many/one",
        "--mode",
        "http",
        "--listen",
        "127.0.0.1:9080",
        "--up",
        "50mbps",
        "--lazy",
    ]);
    assert_eq!(
        (set["mode"].as_str(), &set["up"], &set["lazy"]),
        (Some("http"), &6_250_000.into(), &true.into())
    );
    let yaml = program.run(&["device", "profile", "show", "many/one"]);
    assert!(yaml.out.contains("listen: 127.0.0.1:9080"), "{yaml:?}");
    program.json(&["device", "profile", "delete", "many/one"]);
    assert_eq!(
        program.json(&["device", "profile", "show", "many/one"])["mode"],
        "socks5"
    );
}
