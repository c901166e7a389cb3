//! What is forgotten, and when; partitions ahead of time; daily sums.
use super::Accounting;
use crate::{
    config,
    error::{Error, Result},
    repositories::{
        changes, connections, kept_answers,
        partitions::{self, MONTHLY},
        quarantine, usage, webhooks,
    },
    services::idempotency,
};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, Utc};
use std::time::Duration;

/// Rows a statement: short ones, so that nobody waits.
const PART: i64 = 5_000;
/// Months that have their partition before they begin.
const AHEAD: u32 = 2;
/// Days whose sums are made again: a clean-up's late answer may belong to one of them.
const AGAIN: u64 = 3;
/// Readers of the change log look back over seconds, a stopped instance starts anew.
const CHANGES: TimeDelta = TimeDelta::days(1);

/// How long things are kept.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    pub hourly_usage: Duration,
    pub connections: Duration,
    pub events: Duration,
    pub quarantine: Duration,
    pub webhook_deliveries: Duration,
}

impl From<&config::Retention> for Retention {
    fn from(settings: &config::Retention) -> Self {
        Self {
            hourly_usage: settings.hourly_usage,
            connections: settings.connections,
            events: settings.events,
            quarantine: settings.quarantine,
            webhook_deliveries: settings.webhook_deliveries,
        }
    }
}

impl Accounting {
    /// Deletes what no report can reach any more and nobody asks for. Gives how many rows.
    pub async fn forget(&self) -> Result<usize> {
        let now = self.clock.now();
        let mut conn = self.db.get().await?;
        let mut gone = 0;
        let before = ago(now, self.retention.connections);
        loop {
            let some = connections::delete_unreachable(&mut conn, before, PART).await?;
            gone += some;
            if i64::try_from(some).is_ok_and(|some| some < PART) {
                break;
            }
        }
        gone += kept_answers::delete_before(&mut conn, idempotency::horizon(now)).await?;
        gone += changes::delete_before(&mut conn, now - CHANGES).await?;
        let before = ago(now, self.retention.quarantine);
        gone += quarantine::delete_resolved(&mut conn, before).await?;
        let before = ago(now, self.retention.webhook_deliveries);
        gone += webhooks::delete_done(&mut conn, before).await?;
        Ok(gone)
    }

    /// Makes this month's partitions and those ahead.
    pub async fn make_months(&self) -> Result<()> {
        let this = month_of(self.clock.now().date_naive());
        let mut conn = self.db.get().await?;
        for table in MONTHLY {
            for ahead in 0..=AHEAD {
                if let Some(month) = this.checked_add_months(Months::new(ahead)) {
                    partitions::insert(&mut conn, table, month).await?;
                }
            }
        }
        Ok(())
    }

    /// Makes the months ahead, adds up the last days, drops months that are wholly past their time.
    pub async fn look_after_partitions(&self) -> Result<()> {
        self.make_months().await?;
        let now = self.clock.now();
        let today = now.date_naive();
        let mut conn = self.db.get().await?;
        for back in 0..AGAIN {
            if let Some(day) = today.checked_sub_days(Days::new(back)) {
                usage::roll_up(&mut conn, day).await?;
            }
        }
        for (table, kept) in [
            ("usage_hourly", self.retention.hourly_usage),
            ("events", self.retention.events),
        ] {
            let before = ago(now, kept).date_naive();
            for month in partitions::list(&mut conn, table).await? {
                let Some(end) = month.checked_add_months(Months::new(1)) else {
                    continue;
                };
                if end > before {
                    continue;
                }
                if table == "usage_hourly" {
                    for day in month.iter_days().take_while(|day| *day < end) {
                        usage::roll_up(&mut conn, day).await?;
                    }
                }
                partitions::delete(&mut conn, table, month).await?;
            }
        }
        Ok(())
    }

    /// A background job's round failed; the next one may not.
    pub fn job_failed(&self, job: &str, error: &Error) {
        tracing::warn!(job, %error, "a background job failed");
        self.metrics.job_failures.with_label_values(&[job]).inc();
    }
}

fn ago(now: DateTime<Utc>, kept: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(kept)
        .ok()
        .and_then(|kept| now.checked_sub_signed(kept))
        .unwrap_or(DateTime::UNIX_EPOCH)
}

fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}
