//! How a device's client behaves: the profile that its configuration is made from.
use crate::{
    cli::{body::Body, console::Console, failure::Failure, output::text, path::Path, values::rate},
    models::{Mode, WantedObfs},
};
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use serde_json::Value;

/// Verbs on a profile.
#[derive(Subcommand, Debug)]
pub enum ProfileVerb {
    /// Print the client's configuration as the profile makes it
    Show { device: String },
    /// Replace the profile by what is said; the rest is the default
    Set(Set),
    /// Go back to the defaults
    Delete { device: String },
}

/// What a profile says.
#[derive(Args, Debug)]
pub struct Set {
    device: String,
    /// Connect to this node; else to the first that is permitted
    #[arg(long)]
    node: Option<String>,
    /// Only to nodes with this disguise
    #[arg(long, value_parser = PossibleValuesParser::new(WantedObfs::ALL.iter().map(|o| o.as_str())))]
    obfs: Option<String>,
    /// What the client's line carries up: 50mbps
    #[arg(long, value_name = "RATE", value_parser = rate)]
    up: Option<i64>,
    /// What it carries down
    #[arg(long, value_name = "RATE", value_parser = rate)]
    down: Option<i64>,
    /// What the client offers to programs on its machine
    #[arg(long, value_parser = PossibleValuesParser::new(Mode::ALL.iter().map(|m| m.as_str())))]
    mode: Option<String>,
    /// Where it offers that
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Connect with the first request and not before
    #[arg(long)]
    lazy: bool,
    /// Answer programs before the server has answered
    #[arg(long)]
    fast_open: bool,
}

/// Does a verb.
pub async fn run(verb: ProfileVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        ProfileVerb::Show { device } => {
            let answer = on.api.get(&path(&device, on).await?).await?;
            on.out.answer(&answer, config)
        }
        ProfileVerb::Set(set) => {
            let path = path(&set.device, on).await?;
            let body = Body::new()
                .with_some("node", set.node)
                .with_some("obfs", set.obfs)
                .with_some("up", set.up)
                .with_some("down", set.down)
                .with_some("mode", set.mode)
                .with_some("listen", set.listen)
                .with_flag("lazy", set.lazy)
                .with_flag("fast_open", set.fast_open);
            let answer = on.api.put(&path, Some(&body.into())).await?;
            on.out.answer(&answer, config)
        }
        ProfileVerb::Delete { device } => {
            let answer = on.api.delete(&path(&device, on).await?).await?;
            on.done(&answer, &format!("device {device} has the defaults again"))
        }
    }
}

/// A profile hangs on its user and its device.
async fn path(device: &str, on: &Console) -> Result<Path, Failure> {
    let id = on.device(device).await?;
    let found = on.api.get(&Path::of(&["devices", &id])?).await?;
    Path::of(&["hysteria", "config", &text(&found, "user"), &id])
}

fn config(profile: &Value) -> String {
    let yaml = profile.get("config_yaml").and_then(Value::as_str);
    yaml.unwrap_or_default().to_owned()
}
