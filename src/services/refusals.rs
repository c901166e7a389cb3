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
    /// With a row of their own.
    rows: u32,
    /// Without; one row will say how many.
    more: u32,
}

impl Minute {
    fn is_over(&self, now: DateTime<Utc>) -> bool {
        now - self.since >= TimeDelta::minutes(1)
    }
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

    /// Writes it down, or counts it; what cannot be written is counted, too.
    pub async fn note(&self, refused: Refused<'_>) -> Result<()> {
        let now = self.clock.now();
        if !self.count(refused.principal, now) {
            return Ok(());
        }
        let detail =
            json!({ "method": refused.method, "route": refused.route, "code": refused.code });
        let (who, what) = (refused.principal, "request.refused");
        let entry = NewEntry::plain(who, what, refused.route, detail, now);
        let written = self.insert(entry).await;
        if written.is_err() {
            let (since, rows, more) = (now, 0, 1);
            self.put_back(who.to_owned(), &Minute { since, rows, more });
        }
        written
    }

    async fn insert(&self, entry: NewEntry<'_>) -> Result<()> {
        let mut conn = self.db.get().await?;
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
            rows: 0,
            more: 0,
        });
        if minute.more == 0 && minute.is_over(now) {
            (minute.since, minute.rows) = (now, 0);
        }
        let has_row = minute.rows < ROWS;
        if has_row {
            minute.rows += 1;
        } else {
            minute.more += 1;
        }
        has_row
    }

    /// Counts what could not be written for the next time.
    fn put_back(&self, principal: String, unwritten: &Minute) {
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = minutes.entry(principal).or_insert(Minute {
            more: 0,
            ..*unwritten
        });
        minute.since = minute.since.min(unwritten.since);
        minute.more += unwritten.more;
    }

    /// Writes the counts of minutes that are over.
    pub async fn close(&self) -> Result<()> {
        let now = self.clock.now();
        self.write(|minute| minute.is_over(now)).await?;
        self.tell_of_strangers(now).await
    }

    /// One event for all that strangers were refused since the last one, a minute ago or longer.
    async fn tell_of_strangers(&self, now: DateTime<Utc>) -> Result<()> {
        let count = self.strangers.get();
        let (since, before, more) = {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            let (since, before) = *told;
            if now - since < TimeDelta::minutes(1) {
                return Ok(());
            }
            *told = (now, count);
            (since, before, count.saturating_sub(before))
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
        let told = self.tell(&event).await;
        if told.is_err() {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            *told = (since, before);
        }
        told
    }

    async fn tell(&self, event: &NewEvent<'_>) -> Result<()> {
        let mut conn = self.db.get().await?;
        events::insert(&mut conn, event).await?;
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
        let mut done = Ok(());
        for (principal, minute) in over.into_iter().filter(|(_, minute)| minute.more > 0) {
            let detail = json!({ "more": minute.more, "since": minute.since });
            let (who, what) = (principal.as_str(), "request.refused_more");
            let entry = NewEntry::plain(who, what, who, detail, self.clock.now());
            // after a failure the rest waits for the next time
            if done.is_ok() {
                done = self.insert(entry).await;
            }
            if done.is_err() {
                self.put_back(principal, &minute);
            }
        }
        done
    }
}
