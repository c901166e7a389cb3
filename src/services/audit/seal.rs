//! The one writer of the chain.
use super::{
    Audit,
    head::{EVERY, Head},
};
use crate::{
    error::{Error, Result},
    keyring::Keyring,
    repositories::audit_seals::{self as seals, Row, Seal},
};
use anyhow::Context;
use diesel_async::AsyncConnection;
use std::sync::PoisonError;

/// Links a transaction.
const BATCH: i64 = 1_000;

/// Before the first link.
pub(super) const ORIGIN: [u8; 32] = [0; 32];

impl Audit {
    /// Seals what waits, unless another instance is at it. Gives how many rows.
    pub async fn seal_once(&self) -> Result<usize> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let (sealed, head) = conn
            .transaction(async |conn| {
                let head = seals::head(conn).await?;
                if !seals::try_lock(conn).await? {
                    return Ok((0, head));
                }
                // again, under the lock: another may have appended
                let mut head = seals::head(conn).await?;
                let rows = seals::waiting(conn, BATCH).await?;
                let key = self.keyring.minting(crate::keyring::Purpose::Audit);
                let key = key.context("no audit key")?;
                let mut links = Vec::with_capacity(rows.len());
                for row in &rows {
                    let (before, sequence) = match &head {
                        None => (ORIGIN.to_vec(), 1),
                        Some(seal) => (seal.chain_mac.clone(), seal.sequence + 1),
                    };
                    let macs = row_mac(&self.keyring, key, row).and_then(|row_mac| {
                        Some((
                            row_mac,
                            chain_mac(&self.keyring, key, &before, sequence, &row_mac)?,
                        ))
                    });
                    let (row_mac, chain_mac) = macs.context("no audit key")?;
                    let seal = Seal {
                        sequence,
                        audit_no: row.number,
                        key_id: key,
                        row_mac: row_mac.to_vec(),
                        chain_mac: chain_mac.to_vec(),
                        sealed_at: now,
                    };
                    head = Some(seal.clone());
                    links.push(seal);
                }
                if !links.is_empty() {
                    seals::append(conn, &links).await?;
                }
                Ok::<_, Error>((links.len(), head))
            })
            .await?;
        drop(conn);
        self.witness(head.map(|seal| Head::of(&seal, now)))?;
        Ok(sealed)
    }

    /// Remembers the head and writes it down each minute; a chain that is shorter than it was is an alarm.
    fn witness(&self, head: Option<Head>) -> Result<()> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.store.clock.now();
        let before = known.as_ref().map_or(0, |head| head.sequence);
        if head.as_ref().map_or(0, |head| head.sequence) < before {
            tracing::error!(target: "hywarden::audit", known = before, found = head.as_ref().map(|h| h.sequence), "the audit's chain was cut");
            return Ok(());
        }
        let Some(head) = head else {
            return Ok(());
        };
        let due = known
            .as_ref()
            .is_none_or(|known| known.written_at.is_none_or(|at| now - at >= EVERY));
        let written = known
            .as_ref()
            .is_some_and(|k| k.written_sequence == head.sequence);
        let mut fresh = head;
        if let Some(known) = &*known {
            fresh.written_at = known.written_at;
            fresh.written_sequence = known.written_sequence;
        }
        if due && !written {
            fresh.write(&self.heads)?;
            fresh.written_at = Some(now);
            fresh.written_sequence = fresh.sequence;
            tracing::info!(target: "hywarden::audit", sequence = fresh.sequence, mac = fresh.mac, "audit head");
        }
        *known = Some(fresh);
        Ok(())
    }
}

/// Over the row, field by field.
pub(super) fn row_mac(keyring: &Keyring, key: i16, row: &Row) -> Option<[u8; 32]> {
    let user = row.user_no.map(i64::to_be_bytes);
    keyring.audit_mac(
        key,
        &[
            b"row",
            &row.number.to_be_bytes(),
            row.principal.as_bytes(),
            row.action.as_bytes(),
            row.subject.as_bytes(),
            row.detail.as_bytes(),
            &row.at.timestamp_micros().to_be_bytes(),
            user.as_ref().map_or(&[], |user| user.as_slice()),
            row.personal.as_deref().unwrap_or_default(),
        ],
    )
}

/// Over what was before, the place, and the row.
pub(super) fn chain_mac(
    keyring: &Keyring,
    key: i16,
    before: &[u8],
    sequence: i64,
    row_mac: &[u8],
) -> Option<[u8; 32]> {
    keyring.audit_mac(key, &[b"chain", before, &sequence.to_be_bytes(), row_mac])
}
