//! Options that say which installation is meant: they become the last layer of the settings.
use crate::config::{Settings, Sources};
use clap::Args;
use std::path::PathBuf;

/// Options of every verb.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Installation")]
pub struct Place {
    /// Settings file [default: /etc/hywarden/config.toml, if it is there]
    #[arg(long, value_name = "FILE", env = "HYWARDEN_CONFIG", global = true)]
    config: Option<PathBuf>,
    /// Where the private PostgreSQL, the keys and the local API socket live
    #[arg(long, value_name = "DIR", global = true)]
    data_dir: Option<String>,
    /// A setting for this run, such as server.listen=127.0.0.1:9000 (repeatable; secrets would show in `ps`)
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, global = true)]
    set: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.trim().to_owned(), value.to_owned()))
        .ok_or_else(|| "write it as section.key=value".to_owned())
}

impl Place {
    /// A verb's own option that is a setting.
    pub fn put(&mut self, key: &str, value: String) {
        self.set.push((key.to_owned(), value));
    }

    /// Where settings come from.
    pub fn sources(&self) -> Sources {
        let dir = self
            .data_dir
            .iter()
            .map(|d| ("data_dir".to_owned(), d.clone()));
        Sources::of_process(
            self.config.clone(),
            dir.chain(self.set.iter().cloned()).collect(),
        )
    }

    /// The settings in force.
    pub fn settings(&self) -> anyhow::Result<Settings> {
        Settings::load(&self.sources())
    }
}
