//! `hywarden stats …`: what was used, who is connected, who was refused.
mod connections;
mod decisions;
mod export;
mod glance;
mod traffic;

use super::{console::Console, failure::Failure};
use clap::Subcommand;
use connections::Of;
use export::Export;
use traffic::Traffic;

/// Verbs that only look.
#[derive(Subcommand, Debug)]
pub enum StatsVerb {
    /// Bytes of all, or of a user, a device or a node
    Traffic(Traffic),
    /// All usage, row by row, as CSV or NDJSON
    Export(Export),
    /// Who is online, node by node
    Online,
    /// The running program: memory, database, what it holds
    System,
    /// Users, devices, nodes, traffic and alarms at a glance
    Dashboard,
    /// What background jobs have before them, and how the loops of the instance go
    Jobs,
    /// Connections that are online
    Connections {
        #[command(flatten)]
        of: Of,
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// The last refusals: of one user, or of credentials that nobody has
    Decisions {
        /// Of this user
        #[arg(long, conflicts_with = "unknown", required_unless_present = "unknown")]
        user: Option<String>,
        /// Of credentials that no device has
        #[arg(long)]
        unknown: bool,
    },
}

/// Does a verb.
pub async fn run(verb: StatsVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        StatsVerb::Traffic(traffic) => traffic::show(traffic, on).await,
        StatsVerb::Export(export) => export::write(export, on).await,
        StatsVerb::Online => glance::online(on).await,
        StatsVerb::System => glance::system(on).await,
        StatsVerb::Dashboard => glance::dashboard(on).await,
        StatsVerb::Jobs => glance::jobs(on).await,
        StatsVerb::Connections { of, limit } => connections::list(of, limit, on).await,
        StatsVerb::Decisions { user, .. } => decisions::list(user, on).await,
    }
}
