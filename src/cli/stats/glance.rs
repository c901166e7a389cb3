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

const JOBS: &[Column] = &[
    Column::left("JOB", |job| text(job, "job")),
    Column::right("WAITING", |job| text(job, "waiting")),
    Column::left("SINCE", |job| instant(job, "oldest_at")),
];

const LOOPS: &[Column] = &[
    Column::left("LOOP", |one| text(one, "name")),
    Column::right("RUNS", |one| text(one, "runs")),
    Column::left("LAST", |one| instant(one, "last_at")),
    Column::right("LATE (s)", |one| text(one, "late")),
    Column::right("FAILURES", |one| text(one, "failures")),
    Column::left("LAST ERROR", |one| text(one, "last_error")),
];

/// Everything that a morning's look wants.
pub async fn dashboard(on: &mut Console) -> Result<(), Failure> {
    let answer = on.api.get(&Path::of(&["admin", "dashboard"])?).await?;
    on.out.answer(&answer, |answer| {
        let users = answer.get("users").and_then(Value::as_array);
        let users: Vec<String> = users
            .into_iter()
            .flatten()
            .map(|count| format!("{} {}", text(count, "users"), text(count, "status")))
            .collect();
        let moved = |span: &str| {
            let of = answer.get(span).unwrap_or(&Value::Null);
            format!("{} (before: {})", bytes(of, "total"), bytes(of, "before"))
        };
        card(&[
            ("users", users.join(", ")),
            ("devices", text(answer, "devices")),
            ("blocked devices", text(answer, "blocked_devices")),
            ("nodes", text(answer, "nodes")),
            ("disabled nodes", text(answer, "disabled_nodes")),
            ("unreadable nodes", text(answer, "unreadable_nodes")),
            ("online", text(answer, "online.devices")),
            ("today", moved("today")),
            ("week", moved("week")),
            ("month", moved("month")),
            ("alarms", text(answer, "alarms")),
            ("warnings", text(answer, "warnings")),
            ("held counters", text(answer, "quarantine")),
            ("maintenance", flag(answer, "maintenance")),
            ("banner", text(answer, "banner")),
        ])
    })
}

/// What waits to be done, and how the loops of the instance go.
pub async fn jobs(on: &mut Console) -> Result<(), Failure> {
    let answer = on.api.get(&Path::of(&["admin", "jobs"])?).await?;
    on.out.answer(&answer, |answer| {
        let page = |columns: &[Column], field: &str| {
            let rows = answer.get(field).and_then(Value::as_array);
            rows.map_or_else(String::new, |rows| Table::new(columns).page(rows))
        };
        format!("{}\n{}", page(JOBS, "items"), page(LOOPS, "loops"))
    })
}

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
