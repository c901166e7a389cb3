//! Whether the audit is as it was written.
use super::{
    Audit,
    head::{Head, hex},
    seal::{ORIGIN, chain_mac, row_mac},
};
use crate::{
    error::{Error, Result},
    models::words,
    repositories::audit_seals::{self as seals, Checked},
};
use std::{collections::HashMap, sync::PoisonError};

/// Links a call: seconds, not minutes.
const PART: i64 = 100_000;
/// Links that are in memory at once.
const PAGE: i64 = 2_000;
/// Findings a call; more are only counted.
const FINDINGS: usize = 100;

words!(/** What is wrong with the audit. */ Flaw {
    /** A row says something else than when it was sealed. */ Edited = "edited",
    /** A row is gone. */ Deleted = "deleted",
    /** A row came past the chain. */ Inserted = "inserted",
    /** A link stands at another place. */ Reordered = "reordered",
    /** A link is gone from the middle. */ Gap = "gap",
    /** The last links are gone: one that was written down outside is not there. */ Cut = "cut",
    /** A link is not the one that was written down outside. */ Replaced = "replaced",
    /** The audit key of a link is not in the keys' file. */ KeyMissing = "key_missing",
});

/// Something that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    pub flaw: Flaw,
    /// The place in the chain, where there is one.
    pub sequence: Option<i64>,
    /// The audit row's number, where it is known.
    pub number: Option<i64>,
}

/// What a call found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Links looked at.
    pub checked: i64,
    /// Go on after this one; none: that was all.
    pub next: Option<i64>,
    pub findings: Vec<Finding>,
    /// Findings beyond the first 100 of this call.
    pub more: u64,
    /// Rows that wait to be sealed.
    pub waiting: i64,
    /// Heads that were written down outside and agree.
    pub heads: usize,
}

impl Verified {
    fn found(&mut self, flaw: Flaw, sequence: Option<i64>, number: Option<i64>) {
        if self.findings.len() < FINDINGS {
            self.findings.push(Finding {
                flaw,
                sequence,
                number,
            });
        } else {
            self.more += 1;
        }
    }
}

impl Audit {
    /// Looks at the links after a sequence, some seconds' worth; what is no link's is looked at with the last ones.
    pub async fn verify(&self, after: i64) -> Result<Verified> {
        if after < 0 {
            return Err(Error::field("after", "must not be negative"));
        }
        let mut heads: HashMap<i64, Vec<String>> = HashMap::new();
        for head in Head::read_all(&self.heads)? {
            heads.entry(head.sequence).or_default().push(head.mac);
        }
        let mut conn = self.store.conn().await?;
        let mut verified = Verified::default();
        let mut at = after;
        let mut before = match after {
            0 => ORIGIN.to_vec(),
            _ => {
                seals::find(&mut conn, after)
                    .await?
                    .ok_or_else(|| Error::field("after", "is no place in the chain"))?
                    .chain_mac
            }
        };
        while verified.checked < PART {
            // before the page is read: what is sealed after that is in no page
            let known = self.known_sequence();
            let page = seals::page(&mut conn, at, PAGE).await?;
            if page.is_empty() {
                let outside = heads.keys().max().copied().unwrap_or(0);
                if outside.max(known) > at {
                    verified.found(Flaw::Cut, Some(at + 1), None);
                }
                let (inserted, deleted) = seals::strays(&mut conn, 100).await?;
                for number in inserted {
                    verified.found(Flaw::Inserted, None, Some(number));
                }
                for number in deleted {
                    verified.found(Flaw::Deleted, None, Some(number));
                }
                verified.waiting = seals::count_waiting(&mut conn).await?;
                return Ok(verified);
            }
            for link in &page {
                self.check(link, at, &before, &mut verified);
                if let Some(written) = heads.get(&link.sequence) {
                    if written.iter().all(|mac| *mac == hex(&link.chain_mac)) {
                        verified.heads += 1;
                    } else {
                        verified.found(Flaw::Replaced, Some(link.sequence), Some(link.audit_no));
                    }
                }
                at = link.sequence;
                before.clone_from(&link.chain_mac);
                verified.checked += 1;
            }
        }
        verified.next = Some(at);
        Ok(verified)
    }

    /// The last place that this process has seen.
    fn known_sequence(&self) -> i64 {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map_or(0, |head| head.sequence)
    }

    fn check(&self, link: &Checked, at: i64, before: &[u8], verified: &mut Verified) {
        let (sequence, number) = (Some(link.sequence), Some(link.audit_no));
        let gap = link.sequence != at + 1;
        if gap {
            verified.found(Flaw::Gap, Some(at + 1), None);
        }
        let Some(mac) = chain_mac(
            &self.keyring,
            link.key_id,
            before,
            link.sequence,
            &link.row_mac,
        ) else {
            verified.found(Flaw::KeyMissing, sequence, number);
            return;
        };
        // behind a gap nothing says what was before
        if !gap && mac.as_slice() != link.chain_mac {
            verified.found(Flaw::Reordered, sequence, number);
        }
        match &link.entry {
            None => verified.found(Flaw::Deleted, sequence, number),
            Some(row) => {
                let right = row_mac(&self.keyring, link.key_id, row)
                    .is_some_and(|mac| mac.as_slice() == link.row_mac);
                if !right {
                    verified.found(Flaw::Edited, sequence, number);
                }
            }
        }
    }
}
