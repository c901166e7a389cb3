//! Bytes of a user, a device or a node.
use crate::cli::{
    console::Console,
    failure::Failure,
    output::{bytes, card},
    path::Path,
};
use clap::Args;

/// Whose bytes.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Traffic {
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

/// Shows them. `tx` is what clients sent, `rx` what they got, as Hysteria counts.
pub async fn show(traffic: Traffic, on: &mut Console) -> Result<(), Failure> {
    let path = match (traffic.user, traffic.device, traffic.node) {
        (Some(user), ..) => Path::of(&["traffic", "users", &user])?,
        (_, Some(device), _) => Path::of(&["traffic", "devices", &on.device(&device).await?])?,
        (.., Some(node)) => Path::of(&["traffic", "nodes", &node])?,
        _ => return Err(Failure::usage("say --user, --device or --node")),
    };
    let answer = on.api.get(&path).await?;
    on.out.answer(&answer, |answer| {
        card(&[
            ("sent (tx)", bytes(answer, "tx")),
            ("received (rx)", bytes(answer, "rx")),
            ("total", bytes(answer, "total")),
        ])
    })
}
