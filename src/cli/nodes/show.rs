//! A node on the screen.
use crate::cli::output::{Column, bytes, card, harmless, instant, list, seconds, text};
use serde_json::Value;
use std::fmt::Write;

/// The columns of `node list`.
pub const COLUMNS: &[Column] = &[
    Column::left("NAME", |n| text(n, "name")),
    Column::left("STATE", |n| text(n, "state")),
    Column::left("ADDRESS", |n| text(n, "address")),
    Column::left("STATS READ", |n| instant(n, "stats_read_at")),
    Column::right("GENERATION", |n| text(n, "generation")),
    Column::left("STATS ERROR", |n| text(n, "stats_error")),
    Column::left("GROUPS", |n| list(n, "groups")),
    Column::left("ID", |n| text(n, "id")),
];

/// All of a node but its secrets.
pub fn node(n: &Value) -> String {
    let line_rate = match n.get("line_rate") {
        Some(Value::Number(_)) => format!("{}/s", bytes(n, "line_rate")),
        _ => "not said".to_owned(),
    };
    card(&[
        ("name", text(n, "name")),
        ("id", text(n, "id")),
        ("state", text(n, "state")),
        ("address", text(n, "address")),
        ("labels", labels(n)),
        ("groups", list(n, "groups")),
        ("stats at", text(n, "stats_url")),
        ("stats read", instant(n, "stats_read_at")),
        ("stats error", text(n, "stats_error")),
        ("generation", text(n, "generation")),
        ("line rate", line_rate),
        ("requires stats", seconds(n, "require_stats")),
        ("plaintext", list(n, "allow_plaintext")),
        ("created", instant(n, "created_at")),
    ])
}

fn labels(n: &Value) -> String {
    let is = |label: &&str| n.get(*label).and_then(Value::as_bool) == Some(true);
    let labels: Vec<&str> = ["gaming", "streaming", "paid"]
        .into_iter()
        .filter(is)
        .collect();
    labels.join(", ")
}

/// A node that was just added: its configuration, what the test read saw, what is exposed.
pub fn added(n: &Value) -> String {
    let mut out = configured(n);
    if let Some(seen) = n.get("test") {
        out.push('\n');
        out.push_str(&test(seen));
    }
    out
}

/// A node with the configuration that its server needs now.
pub fn configured(n: &Value) -> String {
    let mut out = node(n);
    out.push_str(&card(&[("hook          ", text(n, "hook_url"))]));
    if let Some(config) = n.get("server_config") {
        let _ = write!(
            out,
            "\n# server configuration as JSON (config.json)\n{config:#}\n"
        );
    }
    if let Some(yaml) = n.get("server_config_yaml").and_then(Value::as_str) {
        let _ = write!(
            out,
            "\n# the same as YAML (config.yaml)\n{}\n",
            yaml.trim_end()
        );
    }
    for warning in n
        .get("warnings")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let _ = write!(
            out,
            "\nwarning: {}\n",
            harmless(warning.as_str().unwrap_or_default())
        );
    }
    out
}

/// What a test read saw.
pub fn test(seen: &Value) -> String {
    if let Some(why) = seen.get("error").and_then(Value::as_str) {
        return format!("test read: it failed: {}\n", harmless(why));
    }
    format!(
        "test read: {} ids in {}, {} connections online, in {} ms\n",
        text(seen, "entries"),
        bytes(seen, "bytes"),
        text(seen, "online"),
        text(seen, "took_ms"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_test_read_is_one_sentence() {
        assert_eq!(
            test(
                &json!({"ok": true, "error": null, "entries": 12, "bytes": 2048, "online": 3, "took_ms": 7})
            ),
            "test read: 12 ids in 2 KiB, 3 connections online, in 7 ms\n"
        );
        assert_eq!(
            test(&json!({"ok": false, "error": "not reachable", "took_ms": 0})),
            "test read: it failed: not reachable\n"
        );
    }
}
