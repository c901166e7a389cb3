//! `hywarden quarantine …`: bytes that could not be believed, and what becomes of them.
use super::{
    console::Console,
    failure::Failure,
    output::{Column, bytes, card, instant, text},
    path::Path,
};
use clap::Subcommand;
use serde_json::Value;

/// Verbs on what is held back. NUMBER stands in `quarantine list`.
#[derive(Subcommand, Debug)]
pub enum QuarantineVerb {
    /// List what is held back and why
    List {
        /// Only what came from this node
        #[arg(long)]
        node: Option<String>,
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Believe it: its bytes are merged as if they had just been read
    Credit { number: i64 },
    /// Do not believe it: its bytes are never credited
    Drop { number: i64 },
}

const COLUMNS: &[Column] = &[
    Column::right("NUMBER", |q| text(q, "number")),
    Column::left("AT", |q| instant(q, "at")),
    Column::left("NODE", |q| text(q, "node")),
    Column::left("REASON", |q| text(q, "reason")),
    Column::left("USER", |q| text(q, "user")),
    Column::left("DEVICE", |q| text(q, "device")),
    Column::right("TX", |q| bytes(q, "tx")),
    Column::right("RX", |q| bytes(q, "rx")),
    Column::left("CONNECTION", |q| text(q, "connection_id")),
];

/// Does a verb.
pub async fn run(verb: QuarantineVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        QuarantineVerb::List { node, limit } => {
            let path = Path::of(&["quarantine"])?.with_some("node", node);
            on.list(path, COLUMNS, limit, "nothing is held back").await
        }
        QuarantineVerb::Credit { number } => settle(number, "credit", "credited", on).await,
        QuarantineVerb::Drop { number } => settle(number, "drop", "dropped", on).await,
    }
}

async fn settle(number: i64, verb: &str, done: &str, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["quarantine", &number.to_string(), verb])?;
    let answer = on.api.post(&path, None).await?;
    if answer.is_null() {
        return on.done(&answer, &format!("number {number} is {done}"));
    }
    on.out.answer(&answer, |answer: &Value| {
        card(&[
            ("number", number.to_string()),
            (
                done,
                format!("tx {}, rx {}", bytes(answer, "tx"), bytes(answer, "rx")),
            ),
        ])
    })
}
