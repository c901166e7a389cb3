//! What is said when nothing runs, when the command line cannot be taken, and what needs no program.
use super::program::{Said, verb};
use std::path::Path;

fn nowhere(args: &[&str]) -> Said {
    verb(Path::new("/nonexistent/hywarden"), args, "", &[])
}

#[test]
fn a_program_that_does_not_run_is_code_3_and_one_sentence() {
    for args in [
        &["user", "list"][..],
        &["device", "list"],
        &["node", "list"],
        &["group", "list"],
        &["token", "list"],
        &["quarantine", "list"],
        &["stats", "connections"],
        &["events", "tail"],
    ] {
        let said = nowhere(args);
        assert_eq!((said.code, said.out.as_str()), (3, ""), "{args:?}");
        assert_eq!(
            said.err,
            "hywarden: it is not running: nobody listens on /nonexistent/hywarden/api.sock. Start it with \
             `hywarden serve`, or name another place by --data-dir or --server\n"
        );
        let said = nowhere(&[args, &["--json"]].concat());
        assert_eq!(
            (said.code, said.problem()["code"].as_str()),
            (3, Some("not_running"))
        );
    }
}

#[test]
fn what_cannot_be_taken_is_code_2_and_names_the_option() {
    let id = "0193d5e2-0000-7000-8000-000000000000";
    for (args, option, message) in [
        (
            &["user", "create", "x", "--quota", "10G"][..],
            "--quota",
            "10GiB",
        ),
        (&["user", "create", "x", "--quota", "-1"], "-1", ""),
        (
            &["user", "create", "x", "--window", "fortnight"],
            "--window",
            "rolling-30",
        ),
        (
            &["user", "create", "x", "--expires", "soon"],
            "--expires",
            "30d",
        ),
        (
            &["user", "create", "x", "--expires", "2027-01-31"],
            "--expires",
            "T00:00:00Z",
        ),
        (
            &["user", "create", "x", "--devices", "many"],
            "--devices",
            "unlimited",
        ),
        (&["user", "edit", "x"], "say what to change", ""),
        (&["user", "show", ".."], "is no name", ""),
        (&["user", "show", ""], "is no name", ""),
        (
            &["device", "add", "x", "y", "--kind", "bare"],
            "--secret-stdin",
            "",
        ),
        (&["device", "add", "x", "y", "--secret-stdin"], "--kind", ""),
        (
            &[
                "device",
                "add",
                "x",
                "y",
                "--kind",
                "bare",
                "--secret-stdin",
            ],
            "--secret-stdin",
            "empty",
        ),
        (
            &["device", "add", "x", "y", "--max-connections", "-1"],
            "-1",
            "",
        ),
        (&["device", "show", "phone"], "USER/NAME", ""),
        (
            &["device", "config", id, "--format", "clash"],
            "--format",
            "sing-box",
        ),
        (&["node", "add", "n"], "--address", "--stats-url"),
        (
            &["node", "edit", "n", "--obfs", "salamander"],
            "--obfs",
            "salamander:PASSWORD",
        ),
        (
            &["node", "edit", "n", "--line-rate", "1GB"],
            "--line-rate",
            "1Gbit",
        ),
        (
            &["node", "edit", "n", "--allow-target", "10.1.0.0/8"],
            "--allow-target",
            "10.0.0.0/8",
        ),
        (
            &["node", "edit", "n", "--own-address", "n.example"],
            "--own-address",
            "203.0.113.7",
        ),
        (
            &["node", "edit", "n", "--allow-plaintext", "all"],
            "--allow-plaintext",
            "hook, stats",
        ),
        (&["node", "edit", "n"], "say what to change", ""),
        (&["token", "create", "t"], "--scope", ""),
        (
            &["stats", "traffic", "--user", "a", "--node", "b"],
            "--node",
            "cannot be used",
        ),
        (&["quarantine", "credit", "x"], "<NUMBER>", ""),
        (&["events", "tail", "--lines", "0"], "--lines", ""),
        (&["completions", "tcsh"], "bash", "zsh"),
        (&["frobnicate"], "frobnicate", ""),
        (
            &["user", "list", "--server", "http://192.0.2.1"],
            "--plain-http",
            "token",
        ),
        (
            &["user", "list", "--server", "ftp://192.0.2.1"],
            "--server",
            "https",
        ),
        (
            &["user", "list", "--server", "https://192.0.2.1"],
            "HYWARDEN_TOKEN",
            "--token-file",
        ),
        (
            &[
                "user",
                "list",
                "--server",
                "https://192.0.2.1",
                "--token-file",
                "/nonexistent",
            ],
            "--token-file",
            "/nonexistent",
        ),
        (
            &["user", "list", "--set", "server.lisen=x"],
            "server.lisen",
            "server.listen",
        ),
    ] {
        let said = nowhere(args);
        assert_eq!(
            (said.code, said.out.as_str()),
            (2, ""),
            "{args:?}: {said:?}"
        );
        assert!(
            said.err.contains(option) && said.err.contains(message),
            "{args:?}: {said:?}"
        );
        assert!(!said.err.contains("panicked"), "{said:?}");
    }
}

#[test]
fn completions_know_the_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let said = nowhere(&["completions", shell]);
        assert_eq!(said.code, 0);
        for word in ["hywarden", "quarantine", "reset-usage", "rotate-secret"] {
            assert!(said.out.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn the_manual_is_what_the_program_says() {
    let said = nowhere(&["manual"]);
    assert_eq!(said.code, 0);
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
    if std::env::var_os("HYWARDEN_WRITE").is_some() {
        std::fs::write(page, &said.out).unwrap();
    }
    let kept = std::fs::read_to_string(page).unwrap_or_default();
    assert!(
        kept == said.out,
        "docs/cli.md is not what the program says: run `make api`"
    );
}

#[test]
fn help_lists_the_exit_codes() {
    let said = nowhere(&["--help"]);
    assert!(
        said.out.contains("3  the program is not running"),
        "{said:?}"
    );
}
