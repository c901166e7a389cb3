//! The program and its fleet at a glance.
use crate::cli::{
    console::Console,
    failure::Failure,
    output::{Column, Table, bytes, card, flag, instant, text},
    path::Path,
};
use serde_json::Value;

const NODES: &[Column] = &[
    Column::left("NODE", |node| text(node, "node")),
    Column::right("DEVICES", |node| text(node, "devices")),
];

/// Who is online.
pub async fn online(on: &mut Console) -> Result<(), Failure> {
    let answer = on.api.get(&Path::of(&["stats", "online"])?).await?;
    on.out.answer(&answer, |answer| {
        let mut out = card(&[
            ("users", text(answer, "users")),
            ("devices", text(answer, "devices")),
            ("connections", text(answer, "connections")),
        ]);
        if let Some(nodes) = answer.get("nodes").and_then(Value::as_array)
            && !nodes.is_empty()
        {
            out.push('\n');
            out.push_str(&Table::new(NODES).page(nodes));
        }
        out
    })
}

/// The running program.
pub async fn system(on: &mut Console) -> Result<(), Failure> {
    let answer = on.api.get(&Path::of(&["stats", "system"])?).await?;
    on.out.answer(&answer, |answer| {
        card(&[
            ("version", text(answer, "version")),
            ("started", instant(answer, "started_at")),
            ("memory", bytes(answer, "memory_bytes")),
            ("database", bytes(answer, "database_bytes")),
            ("redis", flag(answer, "redis_up")),
            ("users", text(answer, "directory.users")),
            ("devices", text(answer, "directory.devices")),
            ("ready", text(answer, "directory.ready")),
        ])
    })
}
