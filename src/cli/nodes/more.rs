//! What hangs on a node: how it is, who is on it, its server configuration over time.
use super::show;
use crate::cli::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, Table, card, flag, instant, text},
    path::Path,
};
use serde_json::Value;
use std::io::{Read, stdin};

const USERS: &[Column] = &[
    Column::left("USER", |u| text(u, "user")),
    Column::right("CONNECTIONS", |u| text(u, "connections")),
    Column::left("SINCE", |u| instant(u, "since")),
    Column::left("ID", |u| text(u, "user_id")),
];

const VERSIONS: &[Column] = &[
    Column::right("VERSION", |v| text(v, "version")),
    Column::left("PRESENT", |v| flag(v, "present")),
    Column::left("AT", |v| instant(v, "at")),
    Column::left("WHY", |v| text(v, "reason")),
    Column::left("WHO", |v| text(v, "made_by")),
];

const DIFFERENCES: &[Column] = &[
    Column::left("WHERE", |d| text(d, "path")),
    Column::left("FROM", |d| text(d, "from")),
    Column::left("TO", |d| text(d, "to")),
];

const FINDINGS: &[Column] = &[
    Column::left("WEIGHT", |f| text(f, "weight")),
    Column::left("WHERE", |f| text(f, "path")),
    Column::left("WHAT", |f| text(f, "message")),
];

fn table(columns: &[Column], answer: &Value) -> String {
    let items = answer.get("items").and_then(Value::as_array);
    Table::new(columns).page(items.map_or(&[], Vec::as_slice))
}

/// Says how a node is.
pub async fn health(node: &str, on: &mut Console) -> Result<(), Failure> {
    let answer = on.api.get(&Path::of(&["nodes", node, "health"])?).await?;
    on.out.answer(&answer, |h| {
        card(&[
            ("healthy", flag(h, "healthy")),
            ("state", text(h, "state")),
            ("stats read", instant(h, "stats_read_at")),
            ("stats error", text(h, "stats_error")),
            ("connections", text(h, "connections")),
            ("users", text(h, "users")),
        ])
    })
}

/// Lists who is on it.
pub async fn users(node: &str, limit: Option<u64>, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["nodes", node, "users"])?;
    on.list(path, USERS, limit, "nobody is on it").await
}

/// Lists its versions.
pub async fn versions(node: &str, limit: Option<u64>, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["nodes", node, "config", "versions"])?;
    on.list(path, VERSIONS, limit, "no versions").await
}

/// Compares two.
pub async fn diff(node: &str, from: i32, to: i32, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["nodes", node, "config", "diff"])?
        .with("from", &from)
        .with("to", &to);
    let answer = on.api.get(&path).await?;
    on.out.answer(&answer, |answer| table(DIFFERENCES, answer))
}

/// Goes back to one.
pub async fn roll_back(node: &str, version: i32, on: &mut Console) -> Result<(), Failure> {
    let body = Body::new().with("version", version).into();
    let path = Path::of(&["nodes", node, "rollback"])?;
    let answer = on.api.post(&path, Some(&body)).await?;
    on.out.answer(&answer, show::node)
}

/// Checks a configuration; one that would admit or count nobody makes the command fail.
pub async fn validate(node: &str, on: &mut Console) -> Result<(), Failure> {
    // as much as the API takes
    const MOST: u64 = 64 * 1024;
    let mut config = String::new();
    stdin().take(MOST).read_to_string(&mut config)?;
    let body = Body::new().with("config", config).into();
    let path = Path::of(&["nodes", node, "config", "validate"])?;
    let answer = on.api.post(&path, Some(&body)).await?;
    on.out.answer(&answer, |answer| table(FINDINGS, answer))?;
    match answer.get("valid").and_then(Value::as_bool) {
        Some(true) => Ok(()),
        _ => Err(Failure::failed(
            "the configuration is not one for this node",
        )),
    }
}
