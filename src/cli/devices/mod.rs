//! `hywarden device …`: the verbs here, many at once in `batch`, what is printed for a client in `links`, how that client
//! behaves in `profile`, what is shown in `show`.
mod batch;
mod change;
mod links;
mod profile;
mod show;

use super::{console::Console, failure::Failure, path::Path};
use batch::Batch;
use change::{Add, Edit, Rotate};
use clap::Subcommand;
use links::{Config, Qr};
use profile::ProfileVerb;

/// Verbs on devices. DEVICE is an id or USER/NAME.
#[derive(Subcommand, Debug)]
pub enum DeviceVerb {
    /// Add a device to a user and print its secret and links
    Add(Add),
    /// List devices
    List {
        /// Only those of this user
        #[arg(long)]
        user: Option<String>,
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a device
    Show { device: String },
    /// Change what is said, leave the rest
    Edit(Edit),
    /// Give a device another name
    Rename { device: String, name: String },
    /// Refuse the device and close its connections until it is unblocked
    Block { device: String },
    /// Let a blocked device in again
    Unblock { device: String },
    /// Give a device a new secret; the old one is refused at once
    Rotate(Rotate),
    /// Close the device's connections; it may log in again
    Kick { device: String },
    /// Remove a device: refused first, then closed
    #[command(visible_aliases = ["remove", "revoke"])]
    Delete { device: String },
    /// Print the links that a client takes, one a permitted node
    Uri {
        device: String,
        /// Only the link of this node
        #[arg(long)]
        node: Option<String>,
    },
    /// Draw the link as a QR code
    Qr(Qr),
    /// Print a client's configuration
    Config(Config),
    /// How the client behaves: its node, its line, what it offers
    #[command(subcommand)]
    Profile(ProfileVerb),
    /// Do one thing to many devices
    Batch(Batch),
}

/// Does a verb.
pub async fn run(verb: DeviceVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        DeviceVerb::Add(add) => change::add(add, on).await,
        DeviceVerb::Edit(edit) => change::edit(edit, on).await,
        DeviceVerb::Rename { device, name } => change::rename(&device, name, on).await,
        DeviceVerb::Rotate(rotate) => change::rotate(rotate, on).await,
        DeviceVerb::List { user, limit } => {
            let path = match &user {
                Some(user) => Path::of(&["users", user, "devices"])?,
                None => Path::of(&["devices"])?,
            };
            on.list(path, show::COLUMNS, limit, "no devices").await
        }
        DeviceVerb::Show { device } => {
            let id = on.device(&device).await?;
            let answer = on.api.get(&Path::of(&["devices", &id])?).await?;
            on.out.answer(&answer, show::device)
        }
        DeviceVerb::Block { device } => post(&device, "block", on).await,
        DeviceVerb::Unblock { device } => post(&device, "unblock", on).await,
        DeviceVerb::Kick { device } => {
            let id = on.device(&device).await?;
            let answer = on
                .api
                .post(&Path::of(&["devices", &id, "kick"])?, None)
                .await?;
            on.out.answer(&answer, |_| {
                format!("the connections of {device} are being closed; it may log in again\n")
            })
        }
        DeviceVerb::Delete { device } => {
            let id = on.device(&device).await?;
            let answer = on.api.delete(&Path::of(&["devices", &id])?).await?;
            on.done(&answer, &format!("device {device} is removed"))
        }
        DeviceVerb::Uri { device, node } => links::uri(&device, node.as_deref(), on).await,
        DeviceVerb::Qr(qr) => links::qr(qr, on).await,
        DeviceVerb::Config(config) => links::config(config, on).await,
        DeviceVerb::Profile(verb) => profile::run(verb, on).await,
        DeviceVerb::Batch(batch) => batch::batch(batch, on).await,
    }
}

async fn post(device: &str, verb: &str, on: &mut Console) -> Result<(), Failure> {
    let id = on.device(device).await?;
    let answer = on
        .api
        .post(&Path::of(&["devices", &id, verb])?, None)
        .await?;
    on.out.answer(&answer, show::device)
}
