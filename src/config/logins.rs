//! People who log in, and the mail that reaches them.
use super::{blank, units};
use secrecy::SecretString;
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// Who may make an account for itself.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// Nobody.
    Off,
    /// Whoever was invited.
    Invite,
    /// Everybody.
    Open,
}

/// People who log in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Logins {
    /// Who may make an account for itself.
    pub registration: Registration,
    /// What an account has that somebody made without an invitation.
    #[serde(deserialize_with = "units::bytes")]
    pub registration_quota: u64,
    /// How long an access token is valid.
    #[serde(deserialize_with = "units::duration")]
    pub access_lifetime: Duration,
    /// Unused for so long a login ends.
    #[serde(deserialize_with = "units::duration")]
    pub idle: Duration,
    /// However much it is used it ends then.
    #[serde(deserialize_with = "units::duration")]
    pub lifetime: Duration,
    /// How long an invitation is valid.
    #[serde(deserialize_with = "units::duration")]
    pub invite_lifetime: Duration,
    /// Memory of one password hash.
    #[serde(deserialize_with = "units::bytes")]
    pub hash_memory: u64,
    /// Passes of one password hash.
    pub hash_passes: u32,
    /// Hashes at once; 0: one a core.
    pub hash_threads: usize,
    /// Hashes that wait for their turn.
    pub hash_queue: usize,
    /// Tries of one address at once; then one a minute.
    pub tries: u32,
    /// Tries of everybody a second.
    pub tries_per_second: u32,
    /// Right passwords of one account at once; then one each 6 seconds.
    pub proofs: u32,
    /// Further public keys whose tokens are taken.
    #[serde(deserialize_with = "blank::none")]
    pub trusted_keys: Option<PathBuf>,
}

/// Mail to people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mail {
    /// The server that takes it; none: no mail.
    #[serde(deserialize_with = "blank::secret")]
    pub smtp_url: Option<SecretString>,
    /// Where `smtp_url` was read from.
    #[serde(deserialize_with = "blank::none")]
    pub smtp_url_file: Option<PathBuf>,
    /// From whom it comes.
    pub from: String,
}
