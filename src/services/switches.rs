//! What admins switch while the program runs: kept in the database, in force on every instance within a second.
use crate::{
    admission::Memory,
    error::{Error, Result},
    repositories::settings,
    services::{
        fields::Fields,
        store::{Seen, Store, Trace, leave},
    },
    telemetry::logs,
};
use anyhow::Context;
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

const KEY: &str = "switches";
/// The longest text of the banner, in characters.
const BANNER: usize = 500;

/// How everything stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Switches {
    /// The API takes no changes; the hook goes on answering.
    pub maintenance: bool,
    pub maintenance_since: Option<DateTime<Utc>>,
    pub maintenance_by: Option<String>,
    /// What the panel shows to everybody.
    pub banner: Option<String>,
    /// Every new login is refused with `maintenance_deny`.
    pub deny_logins: bool,
    /// In place of the configuration's.
    pub log_level: Option<String>,
    /// Rises with each change.
    pub version: i64,
}

/// What to change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EditSwitches {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub banner: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_logins: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_level: Option<Option<String>>,
}

/// The service.
#[derive(Clone)]
pub struct Switchboard {
    pub store: Store,
    pub memory: Arc<Memory>,
    /// The configuration's own, which the switches cannot undo.
    pub deny_logins: Arc<AtomicBool>,
    pub log_level: Arc<ArcSwap<String>>,
    pub now: Arc<ArcSwap<Switches>>,
    /// Held by whoever puts anything into force.
    pub turn: Arc<Mutex<()>>,
}

impl Switches {
    /// As they lie in the database. What cannot be read is an error: to go on without it would end maintenance unasked.
    fn read(value: Option<Value>) -> Result<Self> {
        let Some(value) = value else {
            return Ok(Self::default());
        };
        let read = serde_json::from_value(value);
        Ok(read.context("the row `switches` of the table `settings` cannot be read")?)
    }
}

impl Switchboard {
    /// How everything stands on this instance.
    pub fn now(&self) -> Arc<Switches> {
        self.now.load_full()
    }

    /// Reads the switches and puts them into force. `true`: something changed.
    pub async fn refresh(&self) -> Result<bool> {
        let mut conn = self.store.conn().await?;
        let found = settings::find(&mut conn, KEY).await?;
        drop(conn);
        Ok(self.take(Switches::read(found)?))
    }

    /// Changes what is given.
    pub async fn edit(
        &self,
        principal: &str,
        what: (&'static str, &'static str),
        edit: &EditSwitches,
        seen: &Seen,
    ) -> Result<Arc<Switches>> {
        let now = self.store.clock.now();
        let mut fields = Fields::default();
        if let Some(Some(banner)) = &edit.banner {
            let fits = !banner.trim().is_empty() && banner.chars().count() <= BANNER;
            fields.check(fits, "banner", "must be 1 to 500 characters, or null");
            let plain = !banner.chars().any(|c| c.is_control() && c != '\n');
            fields.check(plain, "banner", "must not hold control characters");
        }
        if let Some(Some(level)) = &edit.log_level {
            let known = ["error", "warn", "info", "debug", "trace"].contains(&level.as_str());
            fields.check(
                known,
                "log_level",
                "is none of error, warn, info, debug, trace",
            );
        }
        fields.done()?;
        let mut conn = self.store.conn().await?;
        let switches = conn
            .transaction(async |conn| {
                let empty = json!({});
                settings::find_or_insert(conn, KEY, &empty, now).await?;
                let mut switches = Switches::read(settings::lock(conn, KEY).await?)?;
                seen.check(switches.version)?;
                switches.version += 1;
                if let Some(on) = edit.maintenance.filter(|on| *on != switches.maintenance) {
                    switches.maintenance = on;
                    switches.maintenance_since = on.then_some(now);
                    switches.maintenance_by = on.then(|| principal.to_owned());
                }
                if let Some(banner) = &edit.banner {
                    switches.banner.clone_from(banner);
                }
                switches.deny_logins = edit.deny_logins.unwrap_or(switches.deny_logins);
                if let Some(level) = &edit.log_level {
                    switches.log_level.clone_from(level);
                }
                settings::put(conn, KEY, &json!(switches), now).await?;
                let trace = Trace::new(principal, what, "settings:switches".to_owned(), now);
                leave(conn, trace.with(json!(edit))).await?;
                Ok::<_, Error>(switches)
            })
            .await?;
        self.take(switches);
        Ok(self.now())
    }

    /// The configuration was read again.
    pub fn configured(&self, deny_logins: bool, log_level: &str) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.deny_logins.store(deny_logins, Ordering::Release);
        self.log_level.store(Arc::new(log_level.to_owned()));
        self.apply(&self.now());
    }

    /// A read that began before the last change may end after it: what is older than what is in force is no news.
    fn take(&self, switches: Switches) -> bool {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.now.load_full();
        if *before == switches || switches.version < before.version {
            return false;
        }
        self.apply(&switches);
        self.now.store(Arc::new(switches));
        true
    }

    fn apply(&self, switches: &Switches) {
        let deny = switches.deny_logins || self.deny_logins.load(Ordering::Acquire);
        self.memory.maintenance.store(deny, Ordering::Release);
        let configured = self.log_level.load_full();
        let level = switches.log_level.as_deref().unwrap_or(&configured);
        if let Err(why) = logs::set_level(level) {
            tracing::warn!(%why, level, "the log's level is not changed");
        }
    }
}
