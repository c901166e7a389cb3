//! The configuration as it was read at the start, as its sources say now, and what of a difference can be put into force
//! without a restart.
use crate::{
    config::{Settings, Sources},
    error::Result,
    services::{
        logins::{LimitSettings, Limits},
        store::{Trace, leave},
        switches::Switchboard,
    },
};
use arc_swap::ArcSwap;
use diesel_async::AsyncConnection;
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc};
use toml::{Table, Value};

/// Keys that `reload` puts into force.
const LIVE: [&str; 5] = [
    "log.level",
    "logins.proofs",
    "logins.tries",
    "logins.tries_per_second",
    "maintenance.deny_logins",
];

/// The service.
#[derive(Clone)]
pub struct Configuration {
    pub sources: Arc<Sources>,
    /// What is in force, without secrets.
    pub running: Arc<ArcSwap<Table>>,
    pub switches: Switchboard,
    /// How often people may try to log in.
    pub limits: Arc<Limits>,
}

/// What the sources say now.
#[derive(Clone, Debug, Default)]
pub struct Looked {
    /// What is wrong with them; none: they can be read.
    pub error: Option<String>,
    /// Keys that differ from what is in force and can be put into force.
    pub reloadable: Vec<String>,
    /// Keys that differ and need a restart.
    pub needs_restart: Vec<String>,
}

/// Sections without secrets, as a table.
pub fn printed(sources: &Sources) -> anyhow::Result<Table> {
    Ok(Settings::print(sources)?.parse()?)
}

impl Configuration {
    /// What is in force, without secrets.
    pub fn running(&self) -> Result<serde_json::Value> {
        Ok(serde_json::to_value(&**self.running.load()).map_err(anyhow::Error::from)?)
    }

    /// Reads the sources without putting anything into force.
    pub fn look(&self) -> Looked {
        self.compared(&self.read())
    }

    fn read(&self) -> anyhow::Result<(Settings, Table)> {
        Ok((Settings::load(&self.sources)?, printed(&self.sources)?))
    }

    fn compared(&self, read: &anyhow::Result<(Settings, Table)>) -> Looked {
        let fresh = match read {
            Ok((_, fresh)) => fresh,
            Err(why) => {
                return Looked {
                    error: Some(format!("{why:#}")),
                    ..Looked::default()
                };
            }
        };
        let (was, is) = (flat(&self.running.load()), flat(fresh));
        let differing = is
            .iter()
            .filter(|(key, value)| was.get(*key) != Some(value));
        let (reloadable, needs_restart) = differing
            .map(|(key, _)| key.clone())
            .partition(|key| LIVE.contains(&key.as_str()));
        Looked {
            error: None,
            reloadable,
            needs_restart,
        }
    }

    /// Reads the sources again and puts into force what can be, once it is written down who asked for it.
    pub async fn reload(&self, principal: &str) -> Result<Looked> {
        let read = self.read();
        let looked = self.compared(&read);
        let store = &self.switches.store;
        let subject = "config:running".to_owned();
        let what = ("config.reload", "config.reloaded");
        let trace = Trace::new(principal, what, subject, store.clock.now());
        let detail = json!({ "valid": looked.error.is_none(), "reloaded": looked.reloadable });
        let mut conn = store.conn().await?;
        conn.transaction(async |conn| leave(conn, trace.with(detail)).await)
            .await?;
        drop(conn);
        if let Ok((settings, fresh)) = read {
            self.take(&settings, &fresh);
            tracing::info!(reloaded = ?looked.reloadable, needs_restart = ?looked.needs_restart, "read the configuration again");
        }
        Ok(looked)
    }

    fn take(&self, settings: &Settings, fresh: &Table) {
        let (logins, level) = (&settings.logins, &settings.log.level);
        self.switches
            .configured(settings.maintenance.deny_logins, level);
        self.limits.set(LimitSettings {
            tries: logins.tries,
            tries_per_second: logins.tries_per_second,
            proofs: logins.proofs,
        });
        let mut running = Table::clone(&self.running.load());
        for key in LIVE {
            if let Some((section, key)) = key.split_once('.')
                && let Some(value) = fresh.get(section).and_then(|s| s.get(key))
                && let Some(Value::Table(section)) = running.get_mut(section)
            {
                section.insert(key.to_owned(), value.clone());
            }
        }
        self.running.store(Arc::new(running));
    }
}

fn flat(table: &Table) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (section, value) in table {
        match value {
            Value::Table(values) => {
                for (key, value) in values {
                    all.insert(format!("{section}.{key}"), value.to_string());
                }
            }
            value => {
                all.insert(section.clone(), value.to_string());
            }
        }
    }
    all
}
