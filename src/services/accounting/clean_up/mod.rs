//! Empties a server's map, rarely: Hysteria never forgets an id (design, 2B.4).
//!
//! The answer of `GET /traffic?clear=1` is one more read of the same generation, and the only copy. It is a complete file
//! before anything else happens, merged once, and deleted after the commit; `spool` knows the files.
mod spool;

pub use spool::{Head, Spool};

use super::{
    Accounting, Delivery, Merged,
    observe::{Baseline, Counters, Dead},
    report::{Read, judge},
};
use crate::{
    config,
    error::Result,
    hysteria::stats::{Unreadable, read_spool},
    models::{NodeNo, Severity},
    repositories::{
        events::{self, NewEvent},
        quarantine::{self, Hold, Reason},
        readings::Lease,
    },
};
use diesel_async::AsyncConnection;
use serde_json::{Value, json};
use std::collections::HashMap;

/// Whether a map should be emptied: at a moment of low rate, or at last whatever the rate.
pub fn is_due(dead: Dead, rate: u64, settings: &config::Accounting) -> bool {
    let above =
        |ids, bytes| dead.ids > ids || u64::try_from(dead.bytes).is_ok_and(|dead| dead > bytes);
    above(settings.most_dead_ids, settings.most_dead_bytes)
        || rate <= settings.low_rate && above(settings.dead_ids, settings.dead_bytes)
}

/// What became of a clean-up's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CleanedUp {
    /// Merged under the lease: the next read begins a new generation, and that for certain.
    Merged(super::Credit),
    /// Merged under its own generation after the lease had moved.
    MergedLate(super::Credit),
    /// It does not continue its sender's last read: all of it is held.
    Held(usize),
}

impl Accounting {
    /// Merges a complete answer, and deletes its files after the commit. On an error they stay for the next try.
    pub async fn merge_clean_up(&self, spool: &Spool) -> Result<CleanedUp> {
        let head = spool.head().await?;
        let mut answer: HashMap<Box<str>, std::result::Result<Counters, Unreadable>> =
            HashMap::new();
        read_spool(&spool.answer(), |entry| {
            let now = entry.counters.map(|(tx, rx)| Counters { tx, rx });
            answer
                .entry(entry.id.into())
                .and_modify(|old| {
                    *old = match (*old, now) {
                        (Ok(a), Ok(b)) => Ok(a.highest(b)),
                        (a, b) => a.or(b),
                    }
                })
                .or_insert(now);
        })
        .await
        .map_err(|e| crate::error::Error::Internal(e.into()))?;
        let outcome = if head.baseline().is_continued_by(&answer) {
            self.merge_continuing(&head, answer).await?
        } else {
            self.hold_answer(&head, &answer).await?
        };
        spool.delete().await;
        Ok(outcome)
    }

    /// The answer is a read of its sender's generation.
    async fn merge_continuing(
        &self,
        head: &Head,
        answer: HashMap<Box<str>, std::result::Result<Counters, Unreadable>>,
    ) -> Result<CleanedUp> {
        let mut baseline = head.baseline();
        let strangers = usize::try_from(self.settings.quarantine_ids).unwrap_or(usize::MAX);
        let mut look = baseline.look_among(strangers, |id| {
            self.keys.parse(NodeNo(head.node), id).is_some()
        });
        for (id, now) in &answer {
            look.entry(id, *now);
        }
        let seen = look.finish();
        let read = Read {
            node: NodeNo(head.node),
            generation: head.generation,
            began: head.began,
            ended: self.clock.now(),
            line_rate: head.line_rate,
        };
        let report = judge(&self.keys, read, &seen.moved, |_| Some(head.began));
        let delivery = Delivery {
            lease: Lease {
                node: read.node,
                epoch: head.epoch,
            },
            known_generation: head.generation,
            generation: head.generation,
            doubtful: head.doubtful,
            began: head.began,
            entries: seen.entries,
            cleaned: true,
            report: &report,
            may_alarm: false,
            suspects_poison: false,
        };
        let merged = match self.merge(&delivery).await {
            Ok(merged) => merged,
            Err(crate::error::Error::Database(error)) => {
                tracing::warn!(node = head.node, %error, "a clean-up's answer is merged entry by entry");
                let delivery = Delivery {
                    suspects_poison: true,
                    ..delivery
                };
                self.merge(&delivery).await?
            }
            Err(error) => return Err(error),
        };
        Ok(match merged {
            Merged::Credited(credit) => CleanedUp::Merged(credit),
            Merged::Stale => {
                let step = (head.generation, head.doubtful, head.began);
                match self.merge_late(read.node, step, &report).await? {
                    Merged::Credited(credit) => CleanedUp::MergedLate(credit),
                    Merged::Stale => CleanedUp::Held(0),
                }
            }
        })
    }

    /// Nobody can say what it is a read of: whole into quarantine, with an alarm.
    async fn hold_answer(
        &self,
        head: &Head,
        answer: &HashMap<Box<str>, std::result::Result<Counters, Unreadable>>,
    ) -> Result<CleanedUp> {
        let counter = |of: Option<u64>| i64::try_from(of.unwrap_or_default()).unwrap_or(i64::MAX);
        let holds: Vec<Hold> = answer
            .iter()
            .map(|(id, now)| {
                let (tx, rx) = match now {
                    Ok(now) => (Some(now.tx), Some(now.rx)),
                    Err(odd) => (odd.tx, odd.rx),
                };
                Hold {
                    id: id.clone(),
                    generation: head.generation,
                    reason: Reason::LateClear,
                    tx: counter(tx),
                    rx: counter(rx),
                }
            })
            .collect();
        let now = self.clock.now();
        let event = NewEvent {
            kind: "node.clean_up_held",
            severity: Severity::Alarm,
            actor: "accounting",
            user: None,
            device: None,
            node: Some(NodeNo(head.node)),
            data: json!({"entries": holds.len(), "generation": head.generation}),
            at: now,
        };
        let mut conn = self.db.get().await?;
        conn.transaction(async |conn| {
            quarantine::hold(conn, NodeNo(head.node), &holds, i64::MAX, now).await?;
            events::insert(conn, &event).await
        })
        .await?;
        Ok(CleanedUp::Held(holds.len()))
    }

    /// Works off what an earlier run of this instance left in its data directory: before the first read.
    pub async fn recover_clean_ups(&self) -> Result<usize> {
        let mut done = 0;
        for spool in Spool::list(&self.spool).await? {
            if spool.is_complete().await {
                let outcome = self.merge_clean_up(&spool).await?;
                tracing::info!(
                    node = spool.node(),
                    ?outcome,
                    "merged the answer of a clean-up that was interrupted"
                );
                done += 1;
            } else {
                // The map may or may not have been emptied; the next read shows it.
                tracing::warn!(
                    node = spool.node(),
                    "a clean-up was interrupted before its answer was complete"
                );
                let head = spool.head().await.ok();
                self.note_lost(spool.node(), head.map_or(0, |h| h.gap))
                    .await?;
                spool.delete().await;
            }
        }
        Spool::sweep(&self.spool).await;
        Ok(done)
    }

    /// A clean-up whose answer is lost: what moved between the read and the clean-up may be.
    pub(super) async fn note_lost(&self, node: i64, gap: u64) -> Result<()> {
        let data: Value = json!({"at_most_bytes": gap});
        let event = NewEvent {
            kind: "node.clean_up_lost",
            severity: Severity::Warning,
            actor: "accounting",
            user: None,
            device: None,
            node: Some(NodeNo(node)),
            data,
            at: self.clock.now(),
        };
        let mut conn = self.db.get().await?;
        conn.transaction(async |conn| events::insert(conn, &event).await)
            .await?;
        Ok(())
    }
}

impl Head {
    /// The last read of the sender.
    pub fn baseline(&self) -> Baseline {
        Baseline::load(self.known.iter().cloned())
    }
}
