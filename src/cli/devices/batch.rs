//! One verb on many devices.
use crate::cli::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, text},
    path::Path,
};
use clap::{Args, builder::PossibleValuesParser};

/// The verbs, as the API has them.
const VERBS: [&str; 5] = ["block", "unblock", "rotate", "kick", "remove"];

/// What is done to which.
#[derive(Args, Debug)]
pub struct Batch {
    /// What is done to each
    #[arg(value_parser = PossibleValuesParser::new(VERBS))]
    action: String,
    /// Ids, or USER/NAME
    #[arg(required = true)]
    devices: Vec<String>,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

const COLUMNS: &[Column] = &[
    Column::left("DEVICE", |i| text(i, "id")),
    Column::right("RESULT", |i| text(i, "status")),
    Column::left("SECRET", |i| text(i, "secret.secret")),
    Column::left("WHY NOT", |i| text(i, "error.detail")),
];

/// Does it.
pub async fn batch(batch: Batch, on: &mut Console) -> Result<(), Failure> {
    let mut ids = Vec::with_capacity(batch.devices.len());
    for device in &batch.devices {
        ids.push(on.device(device).await?);
    }
    let body = Body::new()
        .with("action", batch.action)
        .with_list("devices", &ids)
        .with_flag("dry_run", batch.dry_run);
    on.batch(&Path::of(&["devices:batch"])?, body, COLUMNS)
        .await
}
