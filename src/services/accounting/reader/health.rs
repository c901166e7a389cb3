//! How a node's stats API fares: the first failure, the minute after which somebody is told, and the way back.
use super::{Reader, pace};
use crate::{
    hysteria::stats::StatsError,
    models::Severity,
    repositories::{
        changes::{self, Change},
        events::{self, NewEvent},
        readings,
    },
};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Health {
    failing_since: Option<DateTime<Utc>>,
    error: Option<String>,
    reported: bool,
    /// Failures in a row, of the node or of the database.
    failures: u32,
    /// The database does not know this state yet.
    unwritten: bool,
}

impl Health {
    pub(super) fn load(
        &mut self,
        failing_since: Option<DateTime<Utc>>,
        error: Option<String>,
        reported: bool,
    ) {
        if !self.unwritten {
            self.failing_since = failing_since;
            self.error = error;
            self.reported = reported;
        }
    }
}

impl Reader {
    /// A round came to its end.
    pub(super) async fn recovered(&mut self) {
        let metrics = &self.context.accounting.metrics;
        metrics
            .node_up
            .with_label_values(&[&self.source.name])
            .set(1);
        self.health.failures = 0;
        let Some(since) = self.health.failing_since.take() else {
            return;
        };
        self.health.error = None;
        self.health.unwritten = true;
        self.context
            .directory
            .set_stats_unreadable(self.lease.node, None);
        let told = std::mem::take(&mut self.health.reported);
        let event = told.then(|| ("node.stats_readable", json!({"unreadable_since": since})));
        self.write_health(event).await;
    }

    /// The node did not answer as it should; gives when to try again.
    pub(super) async fn failed(&mut self, error: &StatsError) -> Duration {
        let now = self.now();
        let node = self.lease.node;
        let accounting = self.context.accounting.clone();
        let since = *self.health.failing_since.get_or_insert(now);
        self.health.failures = self.health.failures.saturating_add(1);
        accounting
            .metrics
            .node_up
            .with_label_values(&[&self.source.name])
            .set(0);
        accounting
            .metrics
            .poll_errors
            .with_label_values(&[self.source.name.as_str(), reason(error)])
            .inc();
        self.context.leases.node_unreadable(node, since).await;
        self.context
            .directory
            .set_stats_unreadable(node, Some(since));
        let text = error.to_string();
        let changed = self.health.error.as_deref() != Some(text.as_str());
        self.health.error = Some(text);
        let overdue = (now - since)
            .to_std()
            .is_ok_and(|for_so_long| for_so_long >= accounting.settings.unreadable_after);
        let tell = overdue && !self.health.reported;
        self.health.reported |= tell;
        if tell {
            tracing::warn!(node = self.source.name, %error, %since, "the node's stats cannot be read");
        }
        if changed || tell || self.health.unwritten {
            self.health.unwritten = true;
            let event = tell.then(|| {
                let data = json!({"since": since, "error": self.health.error});
                ("node.stats_unreadable", data)
            });
            self.write_health(event).await;
        }
        let mut random = [0];
        accounting.clock.fill(&mut random);
        let [random] = random;
        let mut wait = pace::backoff(self.health.failures, random);
        if !self.health.reported {
            // somebody is to be told on time, not when the next try happens to come
            let left = accounting
                .settings
                .unreadable_after
                .saturating_sub((now - since).to_std().unwrap_or_default());
            wait = wait.min(left.max(Duration::from_secs(1)));
        }
        self.read_due = Instant::now() + wait;
        wait
    }

    /// The database did not take it; gives when to try again.
    pub(super) fn backoff_database(&mut self) -> Duration {
        self.health.failures = self.health.failures.saturating_add(1);
        let mut random = [0];
        self.context.accounting.clock.fill(&mut random);
        let [random] = random;
        let wait = pace::backoff(self.health.failures, random).min(Duration::from_secs(5));
        self.read_due = Instant::now() + wait;
        wait
    }

    /// Writes the state and what it means to others; what fails is written with the next failure or recovery.
    async fn write_health(&mut self, event: Option<(&'static str, Value)>) {
        let lease = self.lease;
        let (since, error) = (self.health.failing_since, self.health.error.clone());
        let reported = self.health.reported;
        let tells = self.source.requires_stats;
        let now = self.now();
        let written: crate::error::Result<bool> = async {
            let mut conn = self.conn().await?;
            let ours = conn
                .transaction(async |conn| {
                    let ours =
                        readings::update_health(conn, lease, since, error.as_deref(), reported)
                            .await?;
                    if !ours {
                        return QueryResult::Ok(false);
                    }
                    if let Some((kind, data)) = event {
                        let event = NewEvent {
                            kind,
                            severity: if since.is_some() {
                                Severity::Alarm
                            } else {
                                Severity::Info
                            },
                            actor: "accounting",
                            user: None,
                            device: None,
                            node: Some(lease.node),
                            data,
                            at: now,
                        };
                        events::insert(conn, &event).await?;
                    }
                    if tells {
                        changes::insert(conn, Change::Node(lease.node)).await?;
                    }
                    Ok(true)
                })
                .await?;
            Ok(ours)
        }
        .await;
        match written {
            Ok(_) => self.health.unwritten = false,
            Err(error) => {
                tracing::warn!(node = self.source.name, %error, "the node's state was not written");
            }
        }
    }
}

/// A label of few values.
fn reason(error: &StatsError) -> &'static str {
    match error {
        StatsError::Unauthorized => "unauthorized",
        StatsError::SecretUnusable => "secret",
        StatsError::NotAllowed(_) => "not_allowed",
        StatsError::Unreachable(_) => "unreachable",
        StatsError::Status(_) => "status",
        StatsError::Silent(_) | StatsError::TooSlow(_) => "slow",
        StatsError::TooLarge(_) | StatsError::TooMany(_) => "too_large",
        StatsError::Malformed { .. } | StatsError::CutShort(_) => "malformed",
        StatsError::Spool(_) => "spool",
    }
}
