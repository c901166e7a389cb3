//! What was refused to somebody who is known: an audit row each, at most 60 a minute and principal, the rest counted in one
//! (K4). What is refused to strangers is a figure, and one event a minute.
use crate::{
    clock::Clock,
    error::Result,
    models::Severity,
    repositories::{
        Db,
        audit::{self, NewEntry},
        events::{self, NewEvent},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use prometheus::IntCounter;
use serde_json::json;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Rows a minute and principal.
const ROWS: u32 = 60;
/// Principals that are counted at once; they are people and tokens that exist.
const MOST: usize = 10_000;

/// What was refused.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    pub principal: &'a str,
    pub method: &'a str,
    /// The pattern, never the path.
    pub route: &'a str,
    pub code: &'a str,
}

/// The counts of the present minutes.
pub struct Refusals {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    minutes: Mutex<HashMap<String, Minute>>,
    /// Counts what was refused to strangers.
    strangers: IntCounter,
    /// Since when, and how many there had been by then.
    told: Mutex<(DateTime<Utc>, u64)>,
}

struct Minute {
    since: DateTime<Utc>,
    count: u32,
}

impl Refusals {
    /// Nothing was refused yet.
    pub fn new(db: Db, clock: Arc<dyn Clock>, strangers: IntCounter) -> Self {
        Self {
            told: Mutex::new((clock.now(), strangers.get())),
            db,
            clock,
            minutes: Mutex::default(),
            strangers,
        }
    }

    /// Writes it down, or counts it.
    pub async fn note(&self, refused: Refused<'_>) -> Result<()> {
        let now = self.clock.now();
        if !self.count(refused.principal, now) {
            return Ok(());
        }
        let detail =
            json!({ "method": refused.method, "route": refused.route, "code": refused.code });
        let mut conn = self.db.get().await?;
        let (who, what) = (refused.principal, "request.refused");
        let entry = NewEntry::plain(who, what, refused.route, detail, now);
        audit::insert(&mut conn, entry).await?;
        Ok(())
    }

    fn count(&self, principal: &str, now: DateTime<Utc>) -> bool {
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        if minutes.len() >= MOST && !minutes.contains_key(principal) {
            return true;
        }
        let minute = minutes.entry(principal.to_owned()).or_insert(Minute {
            since: now,
            count: 0,
        });
        if minute.count <= ROWS && now - minute.since >= TimeDelta::minutes(1) {
            (minute.since, minute.count) = (now, 0);
        }
        minute.count += 1;
        minute.count <= ROWS
    }

    /// Writes the counts of minutes that are over.
    pub async fn close(&self) -> Result<()> {
        let now = self.clock.now();
        self.write(|minute| now - minute.since >= TimeDelta::minutes(1))
            .await?;
        self.tell_of_strangers(now).await
    }

    /// One event for all that strangers were refused since the last one, a minute ago or longer.
    async fn tell_of_strangers(&self, now: DateTime<Utc>) -> Result<()> {
        let count = self.strangers.get();
        let (since, more) = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let (since, before) = *told;
            if now - since < TimeDelta::minutes(1) {
                return Ok(());
            }
            *told = (now, count);
            (since, count.saturating_sub(before))
        };
        if more == 0 {
            return Ok(());
        }
        let event = NewEvent {
            kind: "request.unauthenticated",
            severity: Severity::Info,
            actor: "system",
            user: None,
            device: None,
            node: None,
            data: json!({ "requests": more, "since": since }),
            at: now,
        };
        events::insert(&mut *self.db.get().await?, &event).await?;
        Ok(())
    }

    /// Writes all counts.
    pub async fn close_all(&self) -> Result<()> {
        self.write(|_| true).await
    }

    async fn write(&self, is_over: impl Fn(&Minute) -> bool) -> Result<()> {
        let over: Vec<(String, Minute)> = {
            let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
            minutes.extract_if(|_, minute| is_over(minute)).collect()
        };
        let over: Vec<_> = over.iter().filter(|(_, m)| m.count > ROWS).collect();
        if over.is_empty() {
            return Ok(());
        }
        let mut conn = self.db.get().await?;
        for (principal, minute) in over {
            let detail = json!({ "more": minute.count - ROWS, "since": minute.since });
            let what = "request.refused_more";
            let entry = NewEntry::plain(principal, what, principal, detail, self.clock.now());
            audit::insert(&mut conn, entry).await?;
        }
        Ok(())
    }
}
