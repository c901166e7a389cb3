//! `hywarden settings …`: what is switched while the program runs; `hywarden reload`: what its files say now.
use super::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{card, flag, list, text},
    path::Path,
};
use clap::{Args, Subcommand};
use serde_json::Value;

/// Verbs on settings.
#[derive(Subcommand, Debug)]
pub enum SettingsVerb {
    /// Show what is switched
    Show,
    /// Switch what is said, leave the rest; in force on every instance within a second
    Set(Set),
}

/// What can be switched.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub struct Set {
    /// Refuse every new login at nodes; connections that run go on
    #[arg(long, value_name = "BOOL")]
    deny_logins: Option<bool>,
    /// Log this level and graver ones
    #[arg(long, value_parser = ["error", "warn", "info", "debug", "trace", "configured"])]
    log_level: Option<String>,
    /// What the panel shows to everybody; an empty text shows nothing
    #[arg(long, value_name = "TEXT")]
    banner: Option<String>,
}

/// The verb that reads the configuration again.
#[derive(Subcommand, Debug)]
pub enum ReloadVerb {
    /// Read the files again and put into force what can be while the program runs
    Config,
    /// Fill the directory anew and read every node at once
    Directory,
}

fn switched(settings: &Value) -> String {
    card(&[
        ("maintenance", flag(settings, "maintenance")),
        ("logins denied", flag(settings, "deny_logins")),
        ("log level", text(settings, "log_level")),
        ("banner", text(settings, "banner")),
    ])
}

/// Does a verb on settings.
pub async fn run(verb: SettingsVerb, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["admin", "settings"])?;
    let answer = match verb {
        SettingsVerb::Show => on.api.get(&path).await?,
        SettingsVerb::Set(set) => {
            let level = set.log_level.map(|level| match level.as_str() {
                "configured" => Value::Null,
                _ => Value::from(level),
            });
            let banner = set.banner.map(|banner| match banner.as_str() {
                "" => Value::Null,
                _ => Value::from(banner),
            });
            let body = Body::new()
                .with_some("deny_logins", set.deny_logins)
                .with_some("log_level", level)
                .with_some("banner", banner);
            on.api.patch(&path, &body.into()).await?
        }
    };
    on.out.answer(&answer, switched)
}

/// Does a verb of reloading.
pub async fn reload(verb: ReloadVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        ReloadVerb::Config => {
            let path = Path::of(&["config", "reload"])?;
            let answer = on.api.post(&path, None).await?;
            on.out.answer(&answer, |found| {
                card(&[
                    ("valid", flag(found, "valid")),
                    ("put into force", list(found, "reloadable")),
                    ("needs a restart", list(found, "needs_restart")),
                    ("error", text(found, "error")),
                ])
            })
        }
        ReloadVerb::Directory => {
            let path = Path::of(&["hysteria", "reload"])?;
            let answer = on.api.post(&path, None).await?;
            on.out.answer(&answer, |status| {
                card(&[
                    ("ready", flag(status, "ready")),
                    ("read", text(status, "directory_read_at")),
                ])
            })
        }
    }
}
