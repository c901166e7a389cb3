//! What an operator may set: one struct a section, filled from `configs/default.toml` (built in), a file, the
//! environment and flags, in this order. Knows nothing above; others get their section by value.
mod blank;
mod check;
mod layers;
mod logins;
mod place;
pub mod units;
mod unknown;

pub use layers::{Sources, default_text};
pub use logins::{Logins, Mail, Registration};

use anyhow::{Context, Result};
use chrono_tz::Tz;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use url::Url;

/// Everything in force.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where it lives; resolved, never empty.
    #[serde(deserialize_with = "place::data_dir")]
    pub data_dir: PathBuf,
    /// Listeners.
    pub server: Server,
    /// PostgreSQL.
    pub database: Database,
    /// Redis.
    pub redis: Redis,
    /// Keys.
    pub keys: Keys,
    /// People who log in.
    pub logins: Logins,
    /// Mail to them.
    pub mail: Mail,
    /// The auth hook.
    pub hook: Hook,
    /// Reading nodes and crediting bytes.
    pub accounting: Accounting,
    /// What nodes may be.
    pub nodes: Nodes,
    /// How long things are kept.
    pub retention: Retention,
    /// What belongs to the whole installation.
    pub settings: General,
    /// Prometheus.
    pub metrics: Metrics,
    /// Logs.
    pub log: Log,
    /// Maintenance.
    pub maintenance: Maintenance,
    /// Who is told of events.
    pub webhooks: Webhooks,
    /// What happens, as it happens.
    pub live: Live,
    /// Where all this was read from.
    #[serde(skip)]
    pub sources: Sources,
}

/// Listeners.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The API's address, and the hook's unless it has its own.
    pub listen: SocketAddr,
    /// The hook's own address.
    #[serde(deserialize_with = "blank::none")]
    pub hook_listen: Option<SocketAddr>,
    /// How nodes reach the hook.
    #[serde(deserialize_with = "blank::none")]
    pub public_url: Option<Url>,
    /// Certificate chain, PEM.
    #[serde(deserialize_with = "blank::none")]
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM.
    #[serde(deserialize_with = "blank::none")]
    pub tls_key: Option<PathBuf>,
    /// Worker threads; 0: one a core.
    pub workers: usize,
    /// Proxies whose X-Forwarded-For is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Other origins whose pages may call the API.
    pub allowed_origins: Vec<String>,
    /// How long the head of a request may take to arrive.
    #[serde(deserialize_with = "units::duration")]
    pub head_timeout: Duration,
    /// How long its body may.
    #[serde(deserialize_with = "units::duration")]
    pub body_timeout: Duration,
    /// How long a request may take in all.
    #[serde(deserialize_with = "units::duration")]
    pub request_timeout: Duration,
    /// How long the reader of an export may take nothing.
    #[serde(deserialize_with = "units::duration")]
    pub reader_timeout: Duration,
    /// The API's description for people, at `/docs`.
    pub docs: bool,
}

/// When the tables are brought up to date.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Migrate {
    /// At every start.
    Auto,
    /// By `hywarden migrate up` alone.
    Manual,
}

/// PostgreSQL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A server of the operator's; none: the private one.
    #[serde(deserialize_with = "blank::secret")]
    pub url: Option<SecretString>,
    /// Where `url` was read from.
    #[serde(deserialize_with = "blank::none")]
    pub url_file: Option<PathBuf>,
    /// When the tables are brought up to date.
    pub migrate: Migrate,
    /// Connections of the API.
    pub pool: usize,
    /// Connections of the jobs.
    pub jobs_pool: usize,
    /// Folder of `initdb` and `postgres`.
    #[serde(deserialize_with = "blank::none")]
    pub programs: Option<PathBuf>,
    /// Account of the private PostgreSQL.
    #[serde(deserialize_with = "blank::none")]
    pub run_as: Option<String>,
}

/// Redis.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    /// Its address; none: one instance.
    #[serde(deserialize_with = "blank::secret")]
    pub url: Option<SecretString>,
    /// Where `url` was read from.
    #[serde(deserialize_with = "blank::none")]
    pub url_file: Option<PathBuf>,
}

/// Keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The file; none: `keys.toml` in the data directory.
    #[serde(deserialize_with = "blank::none")]
    pub file: Option<PathBuf>,
}

/// The auth hook.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hook {
    /// Guesses of one address at once.
    pub guess_burst: u32,
    /// Guesses of one address a second after that.
    pub guess_per_second: u32,
    /// How long a login waits for the directory after a start.
    #[serde(deserialize_with = "units::duration")]
    pub start_wait: Duration,
    /// Rows a batch of opened connections.
    pub batch_rows: usize,
    /// How long a batch waits for more.
    #[serde(deserialize_with = "units::duration")]
    pub batch_wait: Duration,
    /// Rows that wait for the writer.
    pub queue_rows: usize,
}

/// Reading nodes and crediting bytes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounting {
    /// Shortest time between two reads of a node.
    #[serde(deserialize_with = "units::duration")]
    pub min_interval: Duration,
    /// Longest time between two reads of a node.
    #[serde(deserialize_with = "units::duration")]
    pub max_interval: Duration,
    /// A node not read for so long is unreadable.
    #[serde(deserialize_with = "units::duration")]
    pub unreadable_after: Duration,
    /// Dead ids that ask for a clean-up.
    pub dead_ids: usize,
    /// Bytes of dead ids that ask for a clean-up.
    #[serde(deserialize_with = "units::bytes")]
    pub dead_bytes: u64,
    /// Bytes a second over the node below which a clean-up is cheap.
    #[serde(deserialize_with = "units::bytes")]
    pub low_rate: u64,
    /// Dead ids at which it is done whatever the rate.
    pub most_dead_ids: usize,
    /// Bytes of dead ids at which it is done whatever the rate.
    #[serde(deserialize_with = "units::bytes")]
    pub most_dead_bytes: u64,
    /// Ids a node kept in quarantine.
    pub quarantine_ids: i64,
    /// Percents of a quota that write an event.
    pub thresholds: Vec<u8>,
    /// How often left-over sums are worked off.
    #[serde(deserialize_with = "units::duration")]
    pub sweep_interval: Duration,
}

/// What nodes may be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nodes {
    /// Networks a stats URL may point to.
    pub allowed_cidrs: Vec<IpNet>,
}

/// How long things are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Hourly usage.
    #[serde(deserialize_with = "units::duration")]
    pub hourly_usage: Duration,
    /// Ended connections.
    #[serde(deserialize_with = "units::duration")]
    pub connections: Duration,
    /// Events.
    #[serde(deserialize_with = "units::duration")]
    pub events: Duration,
    /// Finished deliveries of webhooks.
    #[serde(deserialize_with = "units::duration")]
    pub webhook_deliveries: Duration,
    /// Settled quarantine rows.
    #[serde(deserialize_with = "units::duration")]
    pub quarantine: Duration,
    /// Deleted users.
    #[serde(deserialize_with = "units::duration")]
    pub deleted_users: Duration,
}

/// What belongs to the whole installation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct General {
    /// Zone of quota windows.
    #[serde(deserialize_with = "blank::parsed")]
    pub time_zone: Tz,
}

/// Prometheus.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Its listener; none: no metrics over HTTP.
    #[serde(deserialize_with = "blank::none")]
    pub listen: Option<SocketAddr>,
}

/// Logs.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A level or a filter.
    pub level: String,
}

/// Who is told of events.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Ports that may be called.
    pub ports: Vec<u16>,
    /// Networks that may be called although they are not public.
    pub allowed_cidrs: Vec<IpNet>,
    /// Certificates that are believed beside the system's, PEM.
    #[serde(deserialize_with = "blank::none")]
    pub ca_file: Option<PathBuf>,
    /// How long a receiver may take.
    #[serde(deserialize_with = "units::duration")]
    pub timeout: Duration,
}

/// What happens, as it happens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// Sockets that say nothing for so long are let go.
    #[serde(deserialize_with = "units::duration")]
    pub ping_timeout: Duration,
}

/// Maintenance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// Refuse every new login.
    pub deny_logins: bool,
}

impl Settings {
    /// All layers, merged and checked; an error names the place and the key.
    pub fn load(sources: &Sources) -> Result<Self> {
        let table = layers::merged(sources)?;
        let mut settings: Self = serde_path_to_error::deserialize(table)
            .map_err(|e| anyhow::anyhow!("{}: {}", e.path(), e.inner().message()))?;
        layers::read_secret(
            &mut settings.database.url,
            settings.database.url_file.as_deref(),
        )
        .context("database.url_file")?;
        layers::read_secret(&mut settings.redis.url, settings.redis.url_file.as_deref())
            .context("redis.url_file")?;
        layers::read_secret(
            &mut settings.mail.smtp_url,
            settings.mail.smtp_url_file.as_deref(),
        )
        .context("mail.smtp_url_file")?;
        settings.check()?;
        settings.sources = sources.clone();
        Ok(settings)
    }

    /// What is in force, as TOML, without secrets.
    pub fn print(sources: &Sources) -> Result<String> {
        let settings = Self::load(sources)?;
        layers::redacted(sources, &settings.data_dir)
    }

    /// Where it all lives when nobody says; empty where that cannot be told.
    pub fn usual_data_dir() -> PathBuf {
        place::usual().unwrap_or_default()
    }

    /// The keys' file.
    pub fn keys_file(&self) -> PathBuf {
        self.keys
            .file
            .clone()
            .unwrap_or_else(|| self.data_dir.join("keys.toml"))
    }

    /// The local API's socket.
    pub fn api_socket(&self) -> PathBuf {
        self.data_dir.join("api.sock")
    }
}

#[cfg(test)]
mod tests;
