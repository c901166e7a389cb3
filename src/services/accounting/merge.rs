//! Credits one report in one transaction: fence, merge, quarantine, progress. Merging it again, late, or from two
//! readers changes nothing.
use super::{Accounting, report::Report};
use crate::{
    error::Result,
    models::{NodeNo, Severity},
    repositories::{
        events::{self, NewEvent},
        quarantine::{self, Hold, Reason},
        readings::{self, Lease, Progress},
        usage::{self, Counted, MergeLine, Step},
    },
};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;

/// Connections a statement.
const PART: usize = 20_000;

/// A judged answer on its way into the database.
#[derive(Clone, Copy, Debug)]
pub struct Delivery<'a> {
    /// Under which lease it was read.
    pub lease: Lease,
    /// The node's generation as the reader knows it.
    pub known_generation: i64,
    /// The generation of the answer: that one, or the next.
    pub generation: i64,
    /// The last generation that did not begin with our own answered clean-up.
    pub doubtful: i64,
    /// When the read began.
    pub began: DateTime<Utc>,
    /// Ids in the answer.
    pub entries: usize,
    /// The answer of our own clean-up: the next read begins a new generation, and that for certain.
    pub cleaned: bool,
    /// What is credited and what is held.
    pub report: &'a Report,
    /// An alarm may be written: none was lately.
    pub may_alarm: bool,
    /// The report failed twice: find the offender.
    pub suspects_poison: bool,
}

/// What a merge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// Connections written.
    pub rows: i64,
    pub tx: i64,
    pub rx: i64,
    /// Entries held, for whatever reason.
    pub held: usize,
    /// Of them new ones, and known ones that rose.
    pub newly_held: usize,
    /// Of them in doubt.
    pub doubts: usize,
    /// An alarm was written.
    pub alarmed: bool,
}

/// Whether a delivery arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It is committed.
    Credited(Credit),
    /// Another reader has the lease, or the node is further than this one knows: nothing was changed.
    Stale,
}

impl Accounting {
    /// Merges a report if its lease still stands.
    pub async fn merge(&self, delivery: &Delivery<'_>) -> Result<Merged> {
        let cap = self.settings.quarantine_ids;
        let mut conn = self.db.get().await?;
        conn.transaction(async |conn| merge(conn, delivery, cap).await)
            .await
    }

    /// Merges the answer of a clean-up whose lease has moved meanwhile: it is the only copy, so it counts under its
    /// own generation, whatever the node's is by now. The node's present reader has to begin anew.
    pub async fn merge_late(
        &self,
        node: NodeNo,
        step: (i64, i64, DateTime<Utc>),
        report: &Report,
    ) -> Result<Merged> {
        let cap = self.settings.quarantine_ids;
        let (generation, doubtful, began) = step;
        let mut conn = self.db.get().await?;
        conn.transaction(async |conn| {
            let Some(row) = readings::lock(conn, node).await? else {
                return Ok(Merged::Stale);
            };
            let step = Step {
                node,
                generation,
                doubtful,
                node_generation: row.generation,
                node_doubtful: row.doubtful_generation,
                began,
                hour: hour_of(began),
            };
            let credit = credit(conn, step, report, cap, false).await?;
            let doubts = i64::try_from(credit.doubts).unwrap_or(i64::MAX);
            readings::unseat(conn, node, doubts).await?;
            Ok(Merged::Credited(credit))
        })
        .await
    }
}

async fn merge(conn: &mut AsyncPgConnection, delivery: &Delivery<'_>, cap: i64) -> Result<Merged> {
    let Delivery { lease, report, .. } = *delivery;
    // The fence. Whoever took the lease over has raised the epoch under this very lock.
    let row = readings::lock(conn, lease.node).await?;
    let Some(row) =
        row.filter(|r| r.epoch == lease.epoch && r.generation == delivery.known_generation)
    else {
        return Ok(Merged::Stale);
    };
    let step = Step {
        node: lease.node,
        generation: delivery.generation,
        doubtful: delivery.doubtful,
        node_generation: delivery.generation,
        node_doubtful: delivery.doubtful,
        began: delivery.began,
        hour: hour_of(delivery.began),
    };
    let mut credit = credit(conn, step, report, cap, delivery.suspects_poison).await?;
    let progress = Progress {
        generation: delivery.generation + i64::from(delivery.cleaned),
        doubtful: delivery.doubtful,
        read_at: delivery.began,
        entries: i32::try_from(delivery.entries).unwrap_or(i32::MAX),
        doubts: i64::try_from(credit.doubts).unwrap_or(i64::MAX),
        cleaned: delivery.cleaned,
    };
    readings::update(conn, lease.node, progress).await?;
    if credit.doubts > 0 && row.doubts > 0 && delivery.may_alarm {
        let event = NewEvent {
            kind: "node.stats_not_one_server",
            severity: Severity::Alarm,
            actor: "accounting",
            user: None,
            device: None,
            node: Some(lease.node),
            data: json!({"held": credit.doubts, "held_before": row.doubts}),
            at: delivery.began,
        };
        events::insert(conn, &event).await?;
        credit.alarmed = true;
    }
    Ok(Merged::Credited(credit))
}

/// The counters of a report, under the node's lock.
pub(super) async fn credit(
    conn: &mut AsyncPgConnection,
    step: Step,
    report: &Report,
    cap: i64,
    suspects_poison: bool,
) -> QueryResult<Credit> {
    let mut credit = Credit::default();
    let mut holds = report.holds.clone();
    for part in report.counted.chunks(PART) {
        let lines = if suspects_poison {
            sift(conn, step, part).await?
        } else {
            usage::merge(conn, step, part).await?
        };
        for line in lines {
            match line.kind.as_str() {
                "credited" => {
                    credit.rows += line.generation;
                    credit.tx += line.tx;
                    credit.rx += line.rx;
                }
                kind => {
                    let reason = kind.parse().unwrap_or(Reason::Poison);
                    credit.doubts += usize::from(reason == Reason::Doubt);
                    holds.push(Hold {
                        id: line.id.into(),
                        generation: line.generation,
                        reason,
                        tx: line.tx,
                        rx: line.rx,
                    });
                }
            }
        }
    }
    credit.held = holds.len();
    credit.newly_held = credit.held.saturating_sub(report.repeated);
    quarantine::hold(conn, step.node, &holds, cap, step.began).await?;
    if !report.healed.is_empty() {
        let ids: Vec<&str> = report.healed.iter().map(|id| &**id).collect();
        quarantine::heal(conn, step.node, &ids, step.began).await?;
    }
    Ok(credit)
}

/// Halves a part that the database refuses until what is refused stands alone; that is held, the rest is credited.
async fn sift(
    conn: &mut AsyncPgConnection,
    step: Step,
    part: &[Counted],
) -> QueryResult<Vec<MergeLine>> {
    let mut lines = Vec::new();
    let mut left = vec![part];
    while let Some(part) = left.pop() {
        let tried = conn
            .transaction(async |conn| usage::merge(conn, step, part).await)
            .await;
        match (tried, part) {
            (Ok(some), _) => lines.extend(some),
            (Err(diesel::result::Error::BrokenTransactionManager), _) => {
                return Err(diesel::result::Error::BrokenTransactionManager);
            }
            (Err(error), [alone]) => {
                tracing::error!(node = step.node.0, %error, "an entry that the database refuses is held");
                lines.push(MergeLine {
                    kind: Reason::Poison.to_string(),
                    id: alone.id.to_string(),
                    generation: step.generation,
                    tx: alone.tx,
                    rx: alone.rx,
                });
            }
            (Err(_), part) => {
                let (low, high) = part.split_at(part.len() / 2);
                left.extend([low, high]);
            }
        }
    }
    Ok(lines)
}

/// The hour of a read.
pub(super) fn hour_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}
