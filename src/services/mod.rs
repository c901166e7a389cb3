//! What the program does, one noun a file. Services own transactions and call repositories; they know no HTTP.
pub mod accounting;
pub mod admission;
pub mod audit;
pub mod callers;
pub mod configuration;
pub mod devices;
pub mod directory;
pub mod enforcement;
pub mod events;
pub mod fields;
pub mod groups;
pub mod idempotency;
pub mod instance;
pub mod keys;
pub mod leases;
pub mod links;
pub mod live;
pub mod logins;
pub mod nodes;
pub mod outbox;
pub mod plans;
pub mod post;
pub mod profiles;
pub mod quarantine;
pub mod refusals;
pub mod reports;
pub mod rounds;
pub mod store;
pub mod switches;
pub mod system;
pub mod tokens;
pub mod traffic;
pub mod users;
pub mod webhooks;

use std::sync::Arc;

/// Every service, built once by the composition root and shared by handlers and jobs.
#[derive(Clone)]
pub struct Services {
    pub admission: Arc<admission::Admission>,
    pub directory: Arc<directory::DirectoryKeeper>,
    pub users: users::Users,
    pub devices: devices::Devices,
    pub nodes: nodes::Nodes,
    pub groups: groups::Groups,
    pub plans: plans::Plans,
    pub profiles: profiles::Profiles,
    /// What is due of users without anybody asking.
    pub overdue: users::Overdue,
    pub idempotency: idempotency::Idempotency,
    pub tokens: tokens::Tokens,
    pub logins: logins::Logins,
    pub refusals: Arc<refusals::Refusals>,
    pub traffic: traffic::Traffic,
    pub events: events::Events,
    pub quarantine: quarantine::Quarantine,
    pub audit: audit::Audit,
    pub reports: reports::Reports,
    /// How the loops of this instance go.
    pub rounds: rounds::Rounds,
    pub switches: switches::Switchboard,
    pub configuration: configuration::Configuration,
    pub system: system::System,
    pub keys: keys::Keys,
    pub webhooks: webhooks::Webhooks,
    pub live: live::Live,
    pub accounting: Arc<accounting::Accounting>,
    pub hurry: Arc<enforcement::Hurry>,
}
