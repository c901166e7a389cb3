//! A node on the screen.
use crate::cli::output::{Column, bytes, card, instant, list, seconds, text};
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
        let _ = write!(out, "\nwarning: {}\n", sentence(warning));
    }
    out
}

/// What a test read saw.
pub fn test(seen: &Value) -> String {
    if let Some(said) = seen.as_str() {
        return format!("test read: {said}\n");
    }
    let fields: Vec<(&str, String)> = seen
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, _)| (key.as_str(), text(seen, key)))
        .collect();
    format!("test read of the stats:\n{}", card(&fields))
}

fn sentence(warning: &Value) -> String {
    match warning.as_str() {
        Some(said) => said.to_owned(),
        None => text(warning, "message"),
    }
}
