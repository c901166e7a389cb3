//! A device on the screen.
use crate::cli::output::{Column, card, instant, text};
use serde_json::Value;

/// The columns of `device list`.
pub const COLUMNS: &[Column] = &[
    Column::left("USER", |d| text(d, "user")),
    Column::left("NAME", |d| text(d, "name")),
    Column::left("STATUS", |d| text(d, "status")),
    Column::left("KIND", |d| text(d, "kind")),
    Column::right("CONNECTIONS", |d| text(d, "max_connections")),
    Column::left("ON CONFLICT", |d| text(d, "on_conflict")),
    Column::left("CREATED", |d| instant(d, "created_at")),
    Column::left("ID", |d| text(d, "id")),
];

/// All of a device but its secret.
pub fn device(d: &Value) -> String {
    card(&[
        ("name", text(d, "name")),
        ("user", text(d, "user")),
        ("id", text(d, "id")),
        ("status", text(d, "status")),
        ("kind", text(d, "kind")),
        (
            "connections",
            format!("{} a node", text(d, "max_connections")),
        ),
        ("on conflict", text(d, "on_conflict")),
        ("created", instant(d, "created_at")),
    ])
}

/// A device with the secret that was just made, and its links.
pub fn with_secret(d: &Value) -> String {
    let mut out = device(d);
    if d.get("secret").is_some_and(Value::is_string) {
        out.push_str(&card(&[("secret     ", text(d, "secret"))]));
    }
    out.push('\n');
    out.push_str(&links(d));
    out
}

/// The links of a device, one a permitted node.
pub fn links(d: &Value) -> String {
    let links = d
        .get("uris")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    if links.is_empty() {
        return "no node is permitted to this user yet: there is no link\n".to_owned();
    }
    links.iter().fold(String::new(), |out, link| {
        format!("{out}{}:\n  {}\n", text(link, "node"), text(link, "uri"))
    })
}
