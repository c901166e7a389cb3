//! Where the program keeps what is its own, when nobody says.
use anyhow::{Context, Result};
use serde::{Deserialize, Deserializer, de::Error};
use std::path::{Path, PathBuf};

/// The data directory as it was set, else the one of this account.
pub fn data_dir<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(from)?;
    let set = match text.trim() {
        "" => usual(),
        text => Ok(PathBuf::from(text)),
    };
    set.and_then(|dir| Ok(std::path::absolute(dir)?))
        .map_err(|e| D::Error::custom(format!("{e:#}")))
}

/// `/var/lib/hywarden` for root, below `XDG_DATA_HOME` for others.
pub fn usual() -> Result<PathBuf> {
    if nix::unistd::geteuid().is_root() {
        return Ok(PathBuf::from("/var/lib/hywarden"));
    }
    let set = |name: &str| std::env::var_os(name).filter(|v| Path::new(v).is_absolute());
    set("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".local/share")))
        .map(|base| base.join("hywarden"))
        .context("neither XDG_DATA_HOME nor HOME is set: say --data-dir")
}
