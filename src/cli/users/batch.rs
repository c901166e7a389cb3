//! One verb on many users.
use crate::cli::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, text},
    path::Path,
    values::{Size, size},
};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::Value;

/// The verbs, as the API has them.
const VERBS: [&str; 9] = [
    "create",
    "extend",
    "add-bytes",
    "set-group",
    "set-plan",
    "suspend",
    "activate",
    "reset",
    "delete",
];

/// What is done to whom.
#[derive(Args, Debug)]
pub struct Batch {
    /// What is done to each
    #[arg(value_parser = PossibleValuesParser::new(VERBS))]
    action: String,
    /// Names or ids; none with create
    users: Vec<String>,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// create: names are this and a number
    #[arg(long, value_name = "TEXT")]
    prefix: Option<String>,
    /// create: the first number
    #[arg(long, value_name = "N")]
    first: Option<u32>,
    /// create: how many
    #[arg(long, value_name = "N")]
    count: Option<u32>,
    /// create: in which plan; set-plan: which one, none when nothing is said
    #[arg(long)]
    plan: Option<String>,
    /// extend: by how many days
    #[arg(long, value_name = "N")]
    days: Option<i64>,
    /// add-bytes: how much is added to the quota: 10GiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    bytes: Option<Size>,
    /// set-group: the one group that they are in from now on
    #[arg(long)]
    group: Option<String>,
    /// delete: erase for ever
    #[arg(long)]
    hard: bool,
}

const COLUMNS: &[Column] = &[
    Column::left("USER", |i| text(i, "name")),
    Column::right("RESULT", |i| text(i, "status")),
    Column::left("STATUS", |i| text(i, "user.status")),
    Column::left("WHY NOT", |i| text(i, "error.detail")),
];

/// Does it.
pub async fn batch(batch: Batch, on: &mut Console) -> Result<(), Failure> {
    let creates = batch.action == "create";
    let (of_all, of_each) = if creates {
        (None, batch.plan)
    } else {
        (batch.plan, None)
    };
    let mut body = Body::new()
        .with("action", batch.action.replace('-', "_"))
        .with_list("users", &batch.users)
        .with_flag("dry_run", batch.dry_run)
        .with_some("prefix", batch.prefix)
        .with_some("first", batch.first)
        .with_some("count", batch.count)
        .with_some("days", batch.days)
        .with_some("bytes", batch.bytes.and_then(Size::bytes))
        .with_some("group", batch.group)
        .with_some("plan", of_all)
        .with_flag("hard", batch.hard);
    if let Some(plan) = of_each {
        body = body.with("like", Value::from(Body::new().with("plan", plan)));
    }
    on.batch(&Path::of(&["users:batch"])?, body, COLUMNS).await
}
