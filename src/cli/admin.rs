//! `hywarden maintenance …`, `hywarden keys …`, `hywarden logs`: what an operator looks after.
use super::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, card, flag, harmless, instant, text},
    path::Path,
};
use clap::{Subcommand, ValueEnum};
use serde_json::Value;

/// Verbs on maintenance.
#[derive(Subcommand, Debug)]
pub enum MaintenanceVerb {
    /// Take no changes over the API; logins at nodes, counting and cutting off go on
    On {
        /// What the panel shows meanwhile
        #[arg(long, value_name = "TEXT")]
        banner: Option<String>,
    },
    /// Take changes again
    Off,
    /// Show whether changes are taken
    Status,
}

/// What a key is for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KeyPurpose {
    /// Hashes credentials
    Pepper,
    /// Proves connection ids
    ConnectionId,
    /// Seals what must be shown again
    Sealing,
    /// Chains the audit
    Audit,
    /// Signs logins
    Signing,
}

impl KeyPurpose {
    fn word(self) -> &'static str {
        match self {
            Self::Pepper => "pepper",
            Self::ConnectionId => "connection_id",
            Self::Sealing => "sealing",
            Self::Audit => "audit",
            Self::Signing => "signing",
        }
    }
}

/// Verbs on keys.
#[derive(Subcommand, Debug)]
pub enum KeyVerb {
    /// List the keys' numbers, never the keys
    List,
    /// Add a key that is used from now on; older ones go on verifying and opening
    Rotate {
        /// Which
        purpose: KeyPurpose,
    },
    /// Take a key that nothing needs any more out of the file
    Retire {
        /// Which
        purpose: KeyPurpose,
        /// Its number
        number: i16,
    },
}

/// Verbs on the log.
#[derive(Subcommand, Debug)]
pub enum LogsVerb {
    /// Print the last lines that the program remembers, oldest first
    Tail {
        /// This level and graver ones
        #[arg(long, value_parser = ["error", "warn", "info", "debug", "trace"])]
        level: Option<String>,
        /// Only what belongs to this request, by its X-Request-Id
        #[arg(long, value_name = "ID")]
        request: Option<String>,
        /// Only of this part of the program, such as hywarden::api
        #[arg(long)]
        target: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=100))]
        lines: u64,
    },
}

const KEYS: &[Column] = &[
    Column::left("PURPOSE", |key| text(key, "purpose")),
    Column::right("NUMBER", |key| text(key, "number")),
    Column::left("IN USE", |key| flag(key, "mints")),
    Column::left("FROM", |key| instant(key, "mints_from")),
    Column::left("NEEDED", |key| flag(key, "referenced")),
    Column::left("CREATED", |key| instant(key, "created_at")),
];

fn state(maintenance: &Value) -> String {
    card(&[
        ("maintenance", flag(maintenance, "enabled")),
        ("since", instant(maintenance, "since")),
        ("by", text(maintenance, "by")),
        ("banner", text(maintenance, "banner")),
    ])
}

/// Does a verb on maintenance.
pub async fn maintenance(verb: MaintenanceVerb, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["admin", "maintenance"])?;
    let answer = match verb {
        MaintenanceVerb::Status => on.api.get(&path).await?,
        MaintenanceVerb::On { banner } => {
            let body = Body::new().with("enabled", true);
            let body = body.with_some("banner", banner);
            on.api.post(&path, Some(&body.into())).await?
        }
        MaintenanceVerb::Off => {
            let body = Body::new()
                .with("enabled", false)
                .with("banner", Value::Null);
            on.api.post(&path, Some(&body.into())).await?
        }
    };
    on.out.answer(&answer, state)
}

/// Does a verb on keys.
pub async fn keys(verb: KeyVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        KeyVerb::List => {
            let path = Path::of(&["admin", "keys"])?;
            on.list(path, KEYS, Some(1_000), "no keys").await
        }
        KeyVerb::Rotate { purpose } => {
            let path = Path::of(&["admin", "keys", purpose.word(), "rotate"])?;
            let answer = on.api.post(&path, None).await?;
            on.out.answer(&answer, |key| {
                card(&[
                    ("purpose", text(key, "purpose")),
                    ("number", text(key, "number")),
                    ("in use", flag(key, "mints")),
                    ("from", instant(key, "mints_from")),
                ])
            })
        }
        KeyVerb::Retire { purpose, number } => {
            let path = Path::of(&["admin", "keys", purpose.word(), &number.to_string()])?;
            let answer = on.api.delete(&path).await?;
            on.done(
                &answer,
                &format!("key {} {number} is retired", purpose.word()),
            )
        }
    }
}

/// Does a verb on the log.
pub async fn logs(verb: LogsVerb, on: &mut Console) -> Result<(), Failure> {
    let LogsVerb::Tail {
        level,
        request,
        target,
        lines,
    } = verb;
    let path = Path::of(&["admin", "logs"])?
        .with("limit", &lines)
        .with_some("level", level)
        .with_some("request_id", request)
        .with_some("target", target);
    let answer = on.api.get(&path).await?;
    let items = super::console::items(&answer)?;
    for item in items.iter().rev() {
        let line = item.get("line").unwrap_or(item).to_string();
        on.out.write(&harmless(&line))?;
    }
    Ok(())
}
