//! The verbs that ask the running program, in one table.
use super::{
    admin::{self, KeyVerb, LogsVerb, MaintenanceVerb},
    audit::{self, AuditVerb},
    client::Client,
    console::Console,
    devices::{self, DeviceVerb},
    events::{self, EventsVerb},
    failure::Failure,
    groups::{self, GroupVerb},
    invites::{self, InviteVerb},
    nodes::{self, NodeVerb},
    output::Printer,
    plans::{self, PlanVerb},
    quarantine::{self, QuarantineVerb},
    settings::{self, ReloadVerb, SettingsVerb},
    stats::{self, StatsVerb},
    target::Target,
    tokens::{self, TokenVerb},
    users::{self, UserVerb},
    webhooks::{self, WebhookVerb},
};
use clap::{Args, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Verbs of the client.
#[derive(Subcommand, Debug)]
pub enum Asking {
    /// Users: who may connect, how much and how long
    User(Ask<UserVerb>),
    /// Devices: the clients of a user, each with its own secret
    Device(Ask<DeviceVerb>),
    /// Nodes: the Hysteria2 servers
    Node(Ask<NodeVerb>),
    /// Groups: which users may use which nodes
    Group(Ask<GroupVerb>),
    /// Plans: bundles of limits that users are given
    Plan(Ask<PlanVerb>),
    /// Invitations: links by which people make an account for themselves
    Invite(Ask<InviteVerb>),
    /// Tokens: keys to the API
    Token(Ask<TokenVerb>),
    /// Bytes that were held back because they could not be believed
    Quarantine(Ask<QuarantineVerb>),
    /// Traffic, connections, refusals
    Stats(Ask<StatsVerb>),
    /// What happened
    Events(Ask<EventsVerb>),
    /// Who did what, and whether that was changed since
    Audit(Ask<AuditVerb>),
    /// Webhooks: who is told of events over HTTP
    Webhook(Ask<WebhookVerb>),
    /// Maintenance: taking no changes for a while
    Maintenance(Ask<MaintenanceVerb>),
    /// What is switched while the program runs
    Settings(Ask<SettingsVerb>),
    /// Read again what lies outside the running program
    Reload(Ask<ReloadVerb>),
    /// Keys that never lie in the database
    Keys(Ask<KeyVerb>),
    /// The program's log
    Logs(Ask<LogsVerb>),
}

/// A verb, and where it is asked.
#[derive(Args, Debug)]
pub struct Ask<V: Subcommand> {
    #[command(subcommand)]
    verb: V,
    #[command(flatten)]
    target: Target,
}

impl Asking {
    /// Asks. `socket` says where this machine's program listens.
    pub async fn run(self, socket: impl FnOnce() -> Result<PathBuf, Failure>) -> ExitCode {
        let target = self.target();
        let mut out = Printer::standard(target.json);
        let api = match Client::new(target, socket) {
            Ok(api) => api,
            Err(failure) => {
                out.failure(&failure);
                return failure.exit();
            }
        };
        let mut console = Console { api, out };
        match self.ask(&mut console).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                console.out.failure(&failure);
                failure.exit()
            }
        }
    }

    fn target(&self) -> &Target {
        match self {
            Self::User(ask) => &ask.target,
            Self::Device(ask) => &ask.target,
            Self::Node(ask) => &ask.target,
            Self::Group(ask) => &ask.target,
            Self::Plan(ask) => &ask.target,
            Self::Invite(ask) => &ask.target,
            Self::Token(ask) => &ask.target,
            Self::Quarantine(ask) => &ask.target,
            Self::Stats(ask) => &ask.target,
            Self::Events(ask) => &ask.target,
            Self::Audit(ask) => &ask.target,
            Self::Webhook(ask) => &ask.target,
            Self::Maintenance(ask) => &ask.target,
            Self::Settings(ask) => &ask.target,
            Self::Reload(ask) => &ask.target,
            Self::Keys(ask) => &ask.target,
            Self::Logs(ask) => &ask.target,
        }
    }

    async fn ask(self, on: &mut Console) -> Result<(), Failure> {
        match self {
            Self::User(ask) => users::run(ask.verb, on).await,
            Self::Device(ask) => devices::run(ask.verb, on).await,
            Self::Node(ask) => nodes::run(ask.verb, on).await,
            Self::Group(ask) => groups::run(ask.verb, on).await,
            Self::Plan(ask) => plans::run(ask.verb, on).await,
            Self::Invite(ask) => invites::run(ask.verb, on).await,
            Self::Token(ask) => tokens::run(ask.verb, on).await,
            Self::Quarantine(ask) => quarantine::run(ask.verb, on).await,
            Self::Stats(ask) => stats::run(ask.verb, on).await,
            Self::Events(ask) => events::run(ask.verb, on).await,
            Self::Audit(ask) => audit::run(ask.verb, on).await,
            Self::Webhook(ask) => webhooks::run(ask.verb, on).await,
            Self::Maintenance(ask) => admin::maintenance(ask.verb, on).await,
            Self::Settings(ask) => settings::run(ask.verb, on).await,
            Self::Reload(ask) => settings::reload(ask.verb, on).await,
            Self::Keys(ask) => admin::keys(ask.verb, on).await,
            Self::Logs(ask) => admin::logs(ask.verb, on).await,
        }
    }
}
