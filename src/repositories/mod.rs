//! The only room that speaks SQL. Functions take a connection, never the pool; services open the transactions, time and
//! ids arrive as arguments. Verbs: `find` gives an option, `list`, `insert`, `update`, `lock_*`, `count_*`.
use diesel_async::{AsyncPgConnection, pooled_connection::deadpool::Pool};

mod alone;
mod pool;

pub use pool::{Use, pool};

pub mod audit;
pub mod audit_seals;
pub mod census;
pub mod changes;
pub mod connections;
pub mod credentials;
pub mod devices;
pub mod directory;
pub mod events;
pub mod factors;
pub mod groups;
pub mod here;
pub mod instances;
pub mod invites;
pub mod kept_answers;
pub mod key_fingerprints;
pub mod live;
pub mod node_configs;
pub mod nodes;
pub mod outbox;
pub mod partitions;
pub mod plans;
pub mod profiles;
pub mod quarantine;
pub mod readings;
pub mod reports;
pub mod sealed;
pub mod sessions;
pub mod settings;
pub mod tokens;
pub mod traffic;
pub mod usage;
pub mod user_keys;
pub mod users;
pub mod webhooks;

/// Connections to the database, driven by the main runtime.
pub type Db = Pool<AsyncPgConnection>;
