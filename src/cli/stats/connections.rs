//! Who is connected.
use crate::cli::{
    console::Console,
    failure::Failure,
    output::{Column, bytes, flag, instant, text},
    path::Path,
};
use clap::Args;

const COLUMNS: &[Column] = &[
    Column::left("USER", |c| text(c, "user")),
    Column::left("DEVICE", |c| text(c, "device")),
    Column::left("NODE", |c| text(c, "node")),
    Column::left("SINCE", |c| instant(c, "since")),
    Column::right("TX", |c| bytes(c, "tx")),
    Column::right("RX", |c| bytes(c, "rx")),
    Column::left("ONLINE", |c| flag(c, "online")),
    Column::left("KICK", |c| flag(c, "kick_pending")),
    Column::left("ADDRESS", |c| text(c, "client_addr")),
    Column::left("ID", |c| text(c, "id")),
];

/// Whose.
#[derive(Args, Debug)]
pub struct Of {
    /// Those that ended, too, as long as they are kept
    #[arg(long)]
    all: bool,
    /// Only those of this user
    #[arg(long)]
    user: Option<String>,
    /// Only those of this device: an id or USER/NAME
    #[arg(long)]
    device: Option<String>,
    /// Only those on this node
    #[arg(long)]
    node: Option<String>,
}

/// Lists them.
pub async fn list(of: Of, limit: Option<u64>, on: &mut Console) -> Result<(), Failure> {
    let device = match &of.device {
        Some(device) => Some(on.device(device).await?),
        None => None,
    };
    let path = Path::of(&["stats", "connections"])?
        .with_some("all", of.all.then_some(true))
        .with_some("user", of.user)
        .with_some("device", device)
        .with_some("node", of.node);
    on.list(path, COLUMNS, limit, "nobody is connected").await
}
