//! A user on the screen.
use crate::cli::output::{Column, Table, bytes, card, instant, limit, list, text};
use serde_json::Value;

/// The columns of `user list`.
pub const COLUMNS: &[Column] = &[
    Column::left("NAME", |u| text(u, "name")),
    Column::left("STATUS", |u| text(u, "status")),
    Column::right("USED", |u| bytes(u, "used")),
    Column::right("QUOTA", quota),
    Column::left("WINDOW", |u| text(u, "window")),
    Column::left("EXPIRES", expires),
    Column::right("DEVICES", |u| limit(u, "device_limit")),
    Column::left("GROUPS", |u| list(u, "groups")),
    Column::left("ID", |u| text(u, "id")),
];

/// All of a user.
pub fn user(u: &Value) -> String {
    card(&[
        ("name", text(u, "name")),
        ("id", text(u, "id")),
        ("status", text(u, "status")),
        ("role", text(u, "role")),
        ("used", format!("{} of {}", bytes(u, "used"), quota(u))),
        (
            "window",
            format!(
                "{}, since {}",
                text(u, "window"),
                instant(u, "window_started_at")
            ),
        ),
        ("used in all", bytes(u, "used_total")),
        ("expires", expires(u)),
        ("devices", limit(u, "device_limit")),
        ("online at once", limit(u, "online_limit")),
        ("groups", list(u, "groups")),
        ("plan", text(u, "plan")),
        ("note", text(u, "note")),
        ("created", instant(u, "created_at")),
    ])
}

/// The columns of `user audit`.
pub const AUDIT: &[Column] = &[
    Column::left("AT", |r| instant(r, "at")),
    Column::left("WHO", |r| text(r, "principal")),
    Column::left("WHAT", |r| text(r, "action")),
    Column::left("TO", |r| text(r, "subject")),
];

/// The columns of `user credentials`.
pub const CREDENTIALS: &[Column] = &[
    Column::left("DEVICE", |d| text(d, "name")),
    Column::left("SECRET", |d| text(d, "secret")),
    Column::left("LINK", |d| text(d, "uri")),
];

/// The secrets of a user's devices.
pub fn credentials(answer: &Value) -> String {
    let items = answer.get("items").and_then(Value::as_array);
    Table::new(CREDENTIALS).page(items.map_or(&[], Vec::as_slice))
}

fn quota(u: &Value) -> String {
    match u.get("quota") {
        None | Some(Value::Null) => "unlimited".to_owned(),
        Some(_) => bytes(u, "quota"),
    }
}

fn expires(u: &Value) -> String {
    if u.get("expires_at").is_some_and(Value::is_string) {
        return instant(u, "expires_at");
    }
    match u.get("valid_for").and_then(Value::as_u64) {
        Some(_) => format!(
            "{} after the first login",
            crate::cli::output::seconds(u, "valid_for")
        ),
        None => "never".to_owned(),
    }
}
