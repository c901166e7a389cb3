//! Bytes of all, or of a user, a device or a node.
use crate::cli::{
    console::Console,
    failure::Failure,
    output::{Column, Table, bytes, card, text},
    path::Path,
};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::Value;

/// Whose bytes, and of which time.
#[derive(Args, Debug)]
pub struct Traffic {
    #[command(flatten)]
    whose: Whose,
    /// Only from this hour on: 2027-01-31T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    from: Option<DateTime<Utc>>,
    /// Only up to this hour
    #[arg(long, value_name = "INSTANT")]
    to: Option<DateTime<Utc>>,
}

/// Whose bytes.
#[derive(Args, Debug)]
#[group(multiple = false)]
struct Whose {
    /// Of this user: a name or an id
    #[arg(long)]
    user: Option<String>,
    /// Of this device: an id or USER/NAME
    #[arg(long)]
    device: Option<String>,
    /// Of this node: a name or an id
    #[arg(long)]
    node: Option<String>,
}

/// What a sum is made of.
const PARTS: [(&str, &[Column]); 3] = [
    ("users", &columns("USER")),
    ("devices", &columns("DEVICE")),
    ("nodes", &columns("NODE")),
];

const fn columns(title: &'static str) -> [Column; 3] {
    [
        Column::left(title, |part| text(part, "name")),
        Column::right("TX", |part| bytes(part, "tx")),
        Column::right("RX", |part| bytes(part, "rx")),
    ]
}

/// Shows them. `tx` is what clients sent, `rx` what they got, as Hysteria counts.
pub async fn show(traffic: Traffic, on: &mut Console) -> Result<(), Failure> {
    let whose = traffic.whose;
    let path = match (whose.user, whose.device, whose.node) {
        (Some(user), ..) => Path::of(&["traffic", "users", &user])?,
        (_, Some(device), _) => Path::of(&["traffic", "devices", &on.device(&device).await?])?,
        (.., Some(node)) => Path::of(&["traffic", "nodes", &node])?,
        _ => Path::of(&["traffic", "summary"])?,
    };
    let path = path
        .with_some("from", traffic.from.map(|at| at.to_rfc3339()))
        .with_some("to", traffic.to.map(|at| at.to_rfc3339()));
    let answer = on.api.get(&path).await?;
    on.out.answer(&answer, table)
}

fn table(answer: &Value) -> String {
    let mut out = card(&[
        ("sent (tx)", bytes(answer, "tx")),
        ("received (rx)", bytes(answer, "rx")),
        ("total", bytes(answer, "total")),
    ]);
    for (key, columns) in PARTS {
        if let Some(parts) = answer.get(key).and_then(Value::as_array)
            && !parts.is_empty()
        {
            out.push('\n');
            out.push_str(&Table::new(columns).page(parts));
        }
    }
    out
}
