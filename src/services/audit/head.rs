//! The chain's last link, written down where the database's owner cannot reach: a line in a file, and one in the log.
use crate::{error::Result, repositories::audit_seals::Seal};
use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Between two lines.
pub(super) const EVERY: TimeDelta = TimeDelta::minutes(1);
/// A file that is longer becomes `….1`.
const LONGEST: u64 = 16 << 20;

/// A head.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
    pub at: DateTime<Utc>,
    pub sequence: i64,
    /// The link's `chain_mac`, in hex.
    pub mac: String,
    #[serde(skip)]
    pub written_at: Option<DateTime<Utc>>,
    #[serde(skip)]
    pub written_sequence: i64,
}

impl Head {
    pub(super) fn of(seal: &Seal, at: DateTime<Utc>) -> Self {
        Self {
            at,
            sequence: seal.sequence,
            mac: hex(&seal.chain_mac),
            written_at: None,
            written_sequence: 0,
        }
    }

    /// Appends a line, through to the disk.
    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let cannot = || format!("cannot write {}", file.display());
        if fs::metadata(file).is_ok_and(|meta| meta.len() > LONGEST) {
            fs::rename(file, older(file)).with_context(cannot)?;
        }
        let mut to = File::options()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(file)
            .with_context(cannot)?;
        let line = serde_json::to_string(self).context("a head")? + "\n";
        to.write_all(line.as_bytes()).with_context(cannot)?;
        to.sync_data().with_context(cannot)?;
        Ok(())
    }

    /// All heads that were written down, oldest first; a line that is cut short is no head.
    pub(super) fn read_all(file: &Path) -> Result<Vec<Self>> {
        let mut heads = Vec::new();
        for file in [older(file), file.to_owned()] {
            let from = match File::open(&file) {
                Ok(from) => from,
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                Err(e) => {
                    return Err(anyhow::Error::new(e)
                        .context(file.display().to_string())
                        .into());
                }
            };
            for line in BufReader::new(from).lines() {
                let line = line.with_context(|| file.display().to_string())?;
                heads.extend(serde_json::from_str::<Self>(&line).ok());
            }
        }
        Ok(heads)
    }
}

fn older(file: &Path) -> std::path::PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".1");
    name.into()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // a String takes everything
        let _ = write!(text, "{byte:02x}");
        text
    })
}
