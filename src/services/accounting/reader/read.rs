//! One read of the counters, from the question to the acknowledgement.
use super::{Reader, Trouble};
use crate::{
    error::Error,
    models::{NodeNo, Severity},
    repositories::{
        connections,
        events::{self, NewEvent},
        quarantine::Reason,
        readings,
    },
    services::accounting::{
        Credit, Delivery, Level, Merged,
        observe::{Counters, Seen},
        pace,
        report::{Read, Report, judge},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use serde_json::json;
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Between two alarms of one kind about one node.
const QUIET: TimeDelta = TimeDelta::minutes(10);
/// New ids of nobody's that are tried on the other nodes' keys, a read.
const TRIED: usize = 16;
/// A read that moved nothing is noted this often only.
const NOTED: TimeDelta = TimeDelta::seconds(5);

impl Reader {
    pub(super) async fn read(&mut self) -> Result<(), Trouble> {
        let began = self.now();
        let asked = Instant::now();
        let Some(state) = self.state.as_mut() else {
            return Ok(());
        };
        let previous = state.began;
        let (keys, node) = (&self.context.accounting.keys, self.lease.node);
        let strangers = usize::try_from(self.context.accounting.settings.quarantine_ids);
        let mut look = state
            .baseline
            .look_among(strangers.unwrap_or(usize::MAX), |id| {
                keys.parse(node, id).is_some()
            });
        let answer = self
            .client
            .traffic(|entry| {
                look.entry(entry.id, entry.counters.map(|(tx, rx)| Counters { tx, rx }));
            })
            .await;
        answer.map_err(Trouble::Node)?;
        let seen = look.finish();
        let ended = self.now();
        self.observe_duration(asked.elapsed());
        let levels = self.deliver(&seen, began, ended).await?;
        self.last_read = Some(asked);
        let over = previous.map_or(self.bounds().max, |previous| {
            (began - previous).to_std().unwrap_or_default()
        });
        // what the read itself cost; who is online is asked beside it
        let cost = asked.elapsed();
        self.read_due = asked + pace::next(&levels, over, cost, self.bounds());
        Ok(())
    }

    /// Merges what was seen and acknowledges it; then what spans nodes.
    async fn deliver(
        &mut self,
        seen: &Seen,
        began: DateTime<Utc>,
        ended: DateTime<Utc>,
    ) -> Result<Vec<Level>, Trouble> {
        let Some(state) = self.state.as_ref() else {
            return Ok(Vec::new());
        };
        let known_generation = state.generation;
        let generation = known_generation + i64::from(seen.emptied);
        let doubtful = if seen.emptied {
            generation
        } else {
            state.doubtful
        };
        let previous = state.began;
        self.count_beyond(generation, seen.beyond.ids);
        let read = Read {
            node: self.lease.node,
            generation,
            began,
            ended,
            line_rate: self.source.line_rate,
        };
        let report = self.judge(read, seen, previous).await?;
        let noted = previous.is_some_and(|at| began - at < NOTED);
        if report.is_empty() && !seen.emptied && noted {
            if let Some(state) = self.state.as_mut() {
                state.baseline.acknowledge(seen, began, |_| false);
            }
            self.rate = 0;
            return Ok(Vec::new());
        }
        let delivery = Delivery {
            lease: self.lease,
            known_generation,
            generation,
            doubtful,
            began,
            entries: seen.entries,
            cleaned: false,
            report: &report,
            may_alarm: self.alarmed_at.is_none_or(|at| began - at >= QUIET),
            suspects_poison: false,
        };
        let credit = self.merge(&delivery).await?;
        let implausible = report.implausible();
        if let Some(state) = self.state.as_mut() {
            state
                .baseline
                .acknowledge(seen, began, |id| implausible.contains(id));
            state.generation = generation;
            state.doubtful = doubtful;
            state.began = Some(began);
        }
        self.note(credit, seen, previous, began).await?;
        self.look_for_others(&report, seen.emptied).await?;
        Ok(self.context.accounting.cross(Some(self.lease.node)).await?)
    }

    /// Merges a report; one that failed twice is merged entry by entry, and the offender held.
    async fn merge(&self, delivery: &Delivery<'_>) -> Result<Credit, Trouble> {
        let accounting = &self.context.accounting;
        let mut merged = accounting.merge(delivery).await;
        if let Err(error) = &merged {
            tracing::warn!(node = self.source.name, %error, "a report is merged again");
            merged = accounting.merge(delivery).await;
        }
        if let Err(Error::Database(error)) = &merged {
            tracing::error!(node = self.source.name, %error, "a report failed twice and is merged entry by entry");
            let sifted = Delivery {
                suspects_poison: true,
                ..*delivery
            };
            merged = accounting.merge(&sifted).await;
        }
        match merged? {
            Merged::Credited(credit) => Ok(credit),
            Merged::Stale => Err(Trouble::Stale),
        }
    }

    async fn judge(
        &self,
        read: Read,
        seen: &Seen,
        previous: Option<DateTime<Utc>>,
    ) -> Result<Report, Trouble> {
        let mut born: HashMap<String, DateTime<Utc>> = HashMap::new();
        if read.line_rate.is_some() {
            let new: Vec<&str> = seen
                .moved
                .iter()
                .filter(|m| m.since.is_none())
                .map(|m| &*m.id)
                .collect();
            if !new.is_empty() {
                let mut conn = self.conn().await?;
                born.extend(connections::list_admitted(&mut conn, &new).await?);
            }
        }
        // An id that the read before did not have was at zero then.
        let otherwise = previous.filter(|_| !seen.emptied);
        Ok(judge(
            &self.context.accounting.keys,
            read,
            &seen.moved,
            |id| born.get(id).copied().or(otherwise),
        ))
    }

    /// Figures, and what a lost clean-up turned out to have cost.
    async fn note(
        &mut self,
        credit: Credit,
        seen: &Seen,
        previous: Option<DateTime<Utc>>,
        began: DateTime<Utc>,
    ) -> Result<(), Trouble> {
        let accounting = self.context.accounting.clone();
        let metrics = &accounting.metrics;
        let node = self.source.name.as_str();
        self.count(credit);
        if credit.alarmed {
            self.alarmed_at = Some(began);
        }
        let seconds = previous.map_or(1, |p| (began - p).num_seconds().max(1));
        self.rate = u64::try_from((credit.tx + credit.rx) / seconds).unwrap_or_default();
        if let Some(gap) = self.lost.take()
            && seen.emptied
        {
            metrics
                .cleanup_gap_bytes
                .with_label_values(&[node])
                .inc_by(gap);
            accounting.note_lost(self.lease.node.0, gap).await?;
        }
        Ok(())
    }

    /// What was credited and what was held, in the figures.
    pub(super) fn count(&self, credit: Credit) {
        let metrics = &self.context.accounting.metrics;
        let node = self.source.name.as_str();
        for (direction, bytes) in [("tx", credit.tx), ("rx", credit.rx)] {
            metrics
                .traffic_bytes
                .with_label_values(&[node, direction])
                .inc_by(u64::try_from(bytes).unwrap_or_default());
        }
        metrics
            .quarantine
            .with_label_values(&[node])
            .inc_by(u64::try_from(credit.newly_held).unwrap_or_default());
    }

    /// Ids beyond those that are held are counted once a generation, however often they are read.
    fn count_beyond(&mut self, generation: i64, ids: usize) {
        let (counted_in, counted) = self.beyond;
        let before = if counted_in == generation { counted } else { 0 };
        let news = ids.saturating_sub(before);
        self.context
            .accounting
            .metrics
            .quarantine
            .with_label_values(&[&self.source.name])
            .inc_by(u64::try_from(news).unwrap_or_default());
        self.beyond = (generation, before + news);
    }

    /// Ids of nobody's here may be another node's of ours: then two nodes are one server, and emptying its map would cost
    /// the other its bytes.
    async fn look_for_others(&mut self, report: &Report, emptied: bool) -> Result<(), Trouble> {
        let foreign = report.holds.iter().filter(|h| h.reason == Reason::Mac);
        let others = self.context.directory.nodes();
        let keys = &self.context.accounting.keys;
        let owner: Option<NodeNo> = foreign.take(TRIED).find_map(|hold| {
            others
                .iter()
                .map(|node| node.number)
                .filter(|number| *number != self.lease.node)
                .find(|number| keys.parse(*number, &hold.id).is_some())
        });
        if owner.is_none() && !(emptied && self.shared) {
            return Ok(());
        }
        self.shared = owner.is_some();
        let (lease, at) = (self.lease, self.now());
        let mut conn = self.conn().await?;
        conn.transaction(async |conn| {
            let changed = readings::update_shared(conn, lease, owner).await?;
            if let Some(owner) = owner.filter(|_| changed) {
                let event = NewEvent {
                    kind: "node.two_nodes_one_server",
                    severity: Severity::Alarm,
                    actor: "accounting",
                    user: None,
                    device: None,
                    node: Some(lease.node),
                    data: json!({"other_node": owner}),
                    at,
                };
                events::insert(conn, &event).await?;
            }
            diesel::QueryResult::Ok(())
        })
        .await?;
        Ok(())
    }

    fn observe_duration(&self, took: Duration) {
        self.context
            .accounting
            .metrics
            .poll_duration
            .with_label_values(&[&self.source.name])
            .observe(took.as_secs_f64());
    }
}
