//! The private PostgreSQL: a cluster in the data directory, run by this process with the machine's own programs.
//! It speaks over a unix socket with peer authentication only, is never run as root, never outlives its supervisor, and
//! is recovered after a SIGKILL of either side.
mod account;
mod cluster;
mod folder;
mod leftover;
mod process;
mod programs;
mod start;
mod supervisor;

pub use supervisor::Supervisor;

use crate::config::Settings;
use account::Account;
use std::path::PathBuf;

/// What the cluster is to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Its folder.
    pub root: PathBuf,
    /// The folder of `initdb` and `postgres`; none: looked for.
    pub programs: Option<PathBuf>,
    /// The account that it runs as under root; none: `postgres`, else `nobody`.
    pub run_as: Option<String>,
    /// Server settings that override ours.
    pub tuning: Vec<(&'static str, String)>,
}

impl Options {
    /// As the settings say.
    pub fn of(settings: &Settings) -> Self {
        Self {
            root: settings.data_dir.join("postgres"),
            programs: settings.database.programs.clone(),
            run_as: settings.database.run_as.clone(),
            tuning: Vec::new(),
        }
    }
}

/// Where a cluster that another process runs can be reached.
pub fn running_at(options: &Options) -> Option<String> {
    let account = Account::choose(options.run_as.as_deref()).ok()?;
    let socket = folder::socket_dir(&options.root.canonicalize().ok()?, &account).ok()?;
    socket
        .join(folder::SOCKET)
        .exists()
        .then(|| cluster::url(&socket))
}

/// The major version of the programs that would run the cluster; an error where this account could not run it.
/// Starts nothing but `postgres -V`.
pub fn version_for(options: &Options) -> anyhow::Result<u32> {
    let account = Account::choose(options.run_as.as_deref())?;
    let have = programs::installed(options.programs.as_deref(), &account);
    let data = options.root.join("data");
    if let Ok(found) = std::fs::metadata(&data) {
        let owner = std::os::unix::fs::MetadataExt::uid(&found);
        anyhow::ensure!(
            owner == account.uid,
            "{} belongs to user {owner}, and this account would run it as {}: ask as its owner",
            data.display(),
            account.name
        );
    }
    Ok(programs::choose(&data, &options.root, have)?.major)
}
