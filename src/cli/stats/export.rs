//! All usage, row by row, as long as it is.
use crate::cli::{console::Console, failure::Failure, path::Path};
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

/// How rows are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Form {
    Csv,
    Ndjson,
}

/// The steps of rows.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Step {
    Hour,
    Day,
}

/// Which rows.
#[derive(Args, Debug)]
pub struct Export {
    /// How rows are written
    #[arg(long, value_enum, default_value_t = Form::Csv)]
    format: Form,
    /// One row an hour, or one a day
    #[arg(long, value_enum, default_value_t = Step::Hour)]
    step: Step,
    /// Only of this user: a name or an id
    #[arg(long)]
    user: Option<String>,
    /// Only of this node: a name or an id
    #[arg(long)]
    node: Option<String>,
    /// Only from this instant on: 2027-01-31T00:00:00Z
    #[arg(long, value_name = "INSTANT")]
    from: Option<DateTime<Utc>>,
    /// Only up to this instant
    #[arg(long, value_name = "INSTANT")]
    to: Option<DateTime<Utc>>,
}

/// Writes them as they come.
pub async fn write(export: Export, on: &mut Console) -> Result<(), Failure> {
    let format = match export.format {
        Form::Csv => "csv",
        Form::Ndjson => "ndjson",
    };
    let step = match export.step {
        Step::Hour => "hour",
        Step::Day => "day",
    };
    let path = Path::of(&["traffic", "export"])?
        .with("format", &format)
        .with("step", &step)
        .with_some("user", export.user)
        .with_some("node", export.node)
        .with_some("from", export.from.map(|at| at.to_rfc3339()))
        .with_some("to", export.to.map(|at| at.to_rfc3339()));
    let Console { api, out } = on;
    api.stream(&path, |part| out.raw(part)).await
}
