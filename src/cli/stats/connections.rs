//! Who is connected.
use crate::cli::{
    console::Console,
    failure::Failure,
    output::{Column, bytes, flag, instant, text},
    path::Path,
};

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

/// Lists them.
pub async fn list(all: bool, limit: Option<u64>, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["stats", "connections"])?.with_some("all", all.then_some(true));
    on.list(path, COLUMNS, limit, "nobody is connected").await
}
