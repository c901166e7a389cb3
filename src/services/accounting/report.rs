//! From what moved to what is credited, and what is held instead.
use super::{
    observe::{Counters, Moved},
    plausible::{allowed, is_plausible},
};
use crate::{
    admission::IdKeys,
    models::NodeNo,
    repositories::{
        quarantine::{Hold, Reason},
        usage::Counted,
    },
};
use chrono::{DateTime, Utc};
use std::collections::HashSet;

/// A read, as far as judging its entries goes.
#[derive(Clone, Copy, Debug)]
pub struct Read {
    pub node: NodeNo,
    /// The generation that its counters belong to.
    pub generation: i64,
    pub began: DateTime<Utc>,
    pub ended: DateTime<Utc>,
    /// Bytes a second and direction; `None`: everything is plausible.
    pub line_rate: Option<i64>,
}

/// The entries of one answer, judged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// To be credited, sorted by id, each once.
    pub counted: Vec<Counted>,
    /// To be held.
    pub holds: Vec<Hold>,
    /// Held as implausible by earlier reads, credited by this one.
    pub healed: Vec<Box<str>>,
    /// Of the held ones, so many say nothing that an earlier read did not say.
    pub repeated: usize,
}

impl Report {
    /// Nothing to write.
    pub fn is_empty(&self) -> bool {
        self.counted.is_empty() && self.holds.is_empty()
    }
    /// Ids that this read holds as implausible.
    pub fn implausible(&self) -> HashSet<Box<str>> {
        self.holds
            .iter()
            .filter(|h| h.reason == Reason::Implausible)
            .map(|h| h.id.clone())
            .collect()
    }
}

/// Judges what moved. `born` says since when an id that was never merged may have moved bytes.
pub fn judge(
    keys: &IdKeys,
    read: Read,
    moved: &[Moved],
    born: impl Fn(&str) -> Option<DateTime<Utc>>,
) -> Report {
    let mut report = Report::default();
    for entry in moved {
        let hold = |reason, tx: Option<u64>, rx: Option<u64>| Hold {
            id: entry.id.clone(),
            generation: read.generation,
            reason,
            tx: saturated(tx.unwrap_or_default()),
            rx: saturated(rx.unwrap_or_default()),
        };
        let Some(id) = keys.parse(read.node, &entry.id) else {
            if entry.fresh {
                let (tx, rx) = match entry.now {
                    Ok(now) => (Some(now.tx), Some(now.rx)),
                    Err(odd) => (odd.tx, odd.rx),
                };
                report.holds.push(hold(Reason::Mac, tx, rx));
            }
            continue;
        };
        let now = match entry.now {
            Ok(now) => now,
            Err(odd) => {
                report.holds.push(hold(Reason::Shape, odd.tx, odd.rx));
                continue;
            }
        };
        if is_too_much(read, entry, now, &born) {
            report.repeated += usize::from(!entry.fresh);
            report
                .holds
                .push(hold(Reason::Implausible, Some(now.tx), Some(now.rx)));
            continue;
        }
        if entry.since.is_some() && read.line_rate.is_some() {
            report.healed.push(entry.id.clone());
        }
        report.counted.push(Counted {
            id: entry.id.clone(),
            user: id.user.0,
            device: id.device.0,
            credential_version: id.credential_version,
            tx: saturated(now.tx),
            rx: saturated(now.rx),
        });
    }
    report
}

fn is_too_much(
    read: Read,
    entry: &Moved,
    now: Counters,
    born: impl Fn(&str) -> Option<DateTime<Utc>>,
) -> bool {
    let Some(rate) = read.line_rate else {
        return false;
    };
    let Some(since) = entry.since.or_else(|| born(&entry.id)) else {
        return false;
    };
    !is_plausible(entry.merged, now, allowed(rate, since, read.ended))
}

fn saturated(counter: u64) -> i64 {
    i64::try_from(counter).unwrap_or(i64::MAX)
}
