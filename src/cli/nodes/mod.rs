//! `hywarden node …`: the verbs here, what a node is added with in `add`, what is shown in `show`.
mod add;
mod change;
mod more;
mod show;

use super::{console::Console, failure::Failure, output::text, path::Path};
use add::Add;
use change::Edit;
use clap::Subcommand;

/// Verbs on nodes. NODE is a name or an id.
#[derive(Subcommand, Debug)]
pub enum NodeVerb {
    /// Add a node, print its ready server configuration, and try to read its counters
    #[command(visible_alias = "create")]
    Add(Box<Add>),
    /// List nodes with how far their counters are read
    List {
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a node
    Show { node: String },
    /// Change what is said, leave the rest
    Edit(Box<Edit>),
    /// Let the node take logins again
    Enable { node: String },
    /// Stop logins on the node; it is still read and enforced
    Disable { node: String },
    /// Empty the node: no logins, everybody is closed, until it is enabled
    Drain { node: String },
    /// Say how the node is, from what is known
    Health { node: String },
    /// List the users that are on the node
    Users {
        node: String,
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// List the versions of its server configuration, the newest first
    Versions {
        node: String,
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Say what differs between two versions of its server configuration
    Diff { node: String, from: i32, to: i32 },
    /// Go back to a version of its server configuration; the hook's secret stays the present one
    Rollback {
        node: String,
        #[arg(value_name = "VERSION")]
        to: i32,
    },
    /// Check a server's configuration file for this node; reads standard input
    Validate { node: String },
    /// Give the node's hook a new secret; the old one stays valid until the new one was in use for 10 minutes
    RotateSecret {
        node: String,
        /// Refuse the old secret at once
        #[arg(long)]
        now: bool,
    },
    /// Read the node's counters once and say what was seen
    #[command(visible_alias = "health-check")]
    Test { node: String },
    /// Close all connections of the node; clients may log in again
    Kick { node: String },
    /// Print the node's server configuration
    Config {
        node: String,
        /// As YAML instead of JSON
        #[arg(long)]
        yaml: bool,
    },
    /// Delete a node: it refuses, closes and is read until nobody is online, then goes
    Delete {
        node: String,
        /// Let go at once of a node that cannot be read any more: what was not read is lost
        #[arg(long)]
        abandon: bool,
    },
}

/// Does a verb.
pub async fn run(verb: NodeVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        NodeVerb::Add(add) => add::add(*add, on).await,
        NodeVerb::Edit(edit) => change::edit(*edit, on).await,
        NodeVerb::List { limit } => {
            on.list(Path::of(&["nodes"])?, show::COLUMNS, limit, "no nodes")
                .await
        }
        NodeVerb::Show { node } => {
            let answer = on.api.get(&Path::of(&["nodes", &node])?).await?;
            on.out.answer(&answer, show::node)
        }
        NodeVerb::Enable { node } => post(&node, "enable", on).await,
        NodeVerb::Disable { node } => post(&node, "disable", on).await,
        NodeVerb::Drain { node } => post(&node, "drain", on).await,
        NodeVerb::Health { node } => more::health(&node, on).await,
        NodeVerb::Users { node, limit } => more::users(&node, limit, on).await,
        NodeVerb::Versions { node, limit } => more::versions(&node, limit, on).await,
        NodeVerb::Diff { node, from, to } => more::diff(&node, from, to, on).await,
        NodeVerb::Rollback { node, to } => more::roll_back(&node, to, on).await,
        NodeVerb::Validate { node } => more::validate(&node, on).await,
        NodeVerb::RotateSecret { node, now } => change::rotate_secret(&node, now, on).await,
        NodeVerb::Test { node } => {
            let answer = on
                .api
                .post(&Path::of(&["nodes", &node, "test"])?, None)
                .await?;
            on.out.answer(&answer, show::test)
        }
        NodeVerb::Kick { node } => {
            let answer = on
                .api
                .post(&Path::of(&["nodes", &node, "kick"])?, None)
                .await?;
            on.out.answer(&answer, |_| {
                format!(
                    "the connections of node {node} are being closed; clients may log in again\n"
                )
            })
        }
        NodeVerb::Config { node, yaml } => config(&node, yaml, on).await,
        NodeVerb::Delete { node, abandon } => {
            let path = Path::of(&["nodes", &node])?.with_some("abandon", abandon.then_some(true));
            let answer = on.api.delete(&path).await?;
            let how = if abandon {
                "is deleted"
            } else {
                "drains: it refuses, closes, and goes when nobody is online"
            };
            on.done(&answer, &format!("node {node} {how}"))
        }
    }
}

async fn post(node: &str, verb: &str, on: &mut Console) -> Result<(), Failure> {
    let answer = on
        .api
        .post(&Path::of(&["nodes", node, verb])?, None)
        .await?;
    on.out.answer(&answer, show::node)
}

/// The configuration goes into a file: nothing stands around it.
async fn config(node: &str, yaml: bool, on: &mut Console) -> Result<(), Failure> {
    let answer = on.api.get(&Path::of(&["nodes", node, "config"])?).await?;
    if on.out.is_json() {
        return on.out.answer(&answer, |_| String::new());
    }
    match answer.get("server_config_yaml").and_then(|y| y.as_str()) {
        Some(text) if yaml => on.out.write(text),
        None if yaml => Err(Failure::failed(format!(
            "the answer has no YAML: {}",
            text(&answer, "code")
        ))),
        _ => {
            let config = answer.get("server_config").unwrap_or(&answer);
            on.out.write(&format!("{config:#}"))
        }
    }
}
