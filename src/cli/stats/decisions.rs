//! Who was refused.
use crate::cli::{
    console::{Console, items},
    failure::Failure,
    output::{Column, instant, text},
    path::Path,
};

const COLUMNS: &[Column] = &[
    Column::left("AT", |d| instant(d, "at")),
    Column::left("CODE", |d| text(d, "code")),
    Column::left("NODE", |d| text(d, "node")),
    Column::left("DEVICE", |d| text(d, "device")),
    Column::left("CREDENTIAL", |d| text(d, "credential")),
    Column::left("ADDRESS", |d| text(d, "addr")),
];

/// Lists the last refusals of a user, or of credentials that nobody has.
pub async fn list(user: Option<String>, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["decisions"])?;
    let path = match user {
        Some(user) => path.with("user", &user),
        None => path.with("unknown", &true),
    };
    let answer = on.api.get(&path).await?;
    let mut list = on.out.list(COLUMNS);
    list.page(items(&answer)?)?;
    list.end("no refusal since this instance started")
}
