//! Keys shown, rotated and retired.
use super::{Keys, rewritten::Rewritten};
use crate::{
    clock::random,
    error::{Error, Result},
    keyring::{self, Purpose},
    repositories::key_fingerprints as rows,
    services::{
        idempotency::Keep,
        store::{Trace, leave},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::AsyncConnection;
use serde_json::json;

/// Until every instance has read the file: it looks each second.
const SPREAD: TimeDelta = TimeDelta::seconds(10);
/// What was signed by a key lives at most so long after the key's successor began to sign.
const SIGNED: TimeDelta = TimeDelta::minutes(15);

/// A key, without the key.
#[derive(Clone, Debug)]
pub struct KeyState {
    pub purpose: Purpose,
    pub number: i16,
    /// Mints and seals now; the others only verify and open.
    pub mints: bool,
    /// Will mint from here on.
    pub mints_from: Option<DateTime<Utc>>,
    pub created_at: Option<DateTime<Utc>>,
    /// Something still needs it.
    pub referenced: bool,
}

impl Keys {
    /// All keys of the file, by purpose, newest first.
    pub async fn list(&self) -> Result<Vec<KeyState>> {
        let mut conn = self.store.conn().await?;
        let known = rows::list(&mut conn).await?;
        let mut all = Vec::new();
        for purpose in Purpose::ALL {
            let minting = self.keyring.minting(purpose);
            for (number, mints_from) in self.keyring.numbers(purpose) {
                let mints = minting == Some(number);
                let row = known
                    .iter()
                    .find(|key| key.purpose == purpose.as_str() && key.key_id == number);
                all.push(KeyState {
                    purpose,
                    number,
                    mints,
                    mints_from,
                    created_at: row.map(|row| row.created_at),
                    referenced: mints || rows::is_referenced(&mut conn, purpose, number).await?,
                });
            }
        }
        Ok(all)
    }

    /// Adds a key to the file, which mints from now on, or, where there may be other instances, once they have read it.
    pub async fn rotate(
        &self,
        principal: &str,
        purpose: Purpose,
        keep: &Keep<'_, KeyState>,
    ) -> Result<KeyState> {
        let now = self.store.clock.now();
        let from = self.shared.then(|| now + SPREAD);
        let _changing = self.changing.lock().await;
        let mut written = None;
        let mut conn = self.store.conn().await?;
        let made = conn
            .transaction(async |conn| {
                rows::lock(conn).await?;
                let known = rows::list(conn).await?;
                let used: Vec<i16> = known
                    .iter()
                    .filter(|key| key.purpose == purpose.as_str())
                    .map(|key| key.key_id)
                    .collect();
                let before = self.read_file()?;
                let key = random(&*self.store.clock);
                let (after, number) = keyring::added(&before, purpose, &used, &key, from)
                    .map_err(|why| Error::State(why.to_string()))?;
                let fingerprint = keyring::fingerprint(&key, purpose);
                rows::insert(conn, purpose, number, &fingerprint, now).await?;
                let subject = format!("key:{}.{number}", purpose.as_str());
                let trace = Trace::new(principal, ("key.rotate", "key.rotated"), subject, now);
                let detail =
                    json!({ "purpose": purpose.as_str(), "number": number, "mints_from": from });
                leave(conn, trace.with(detail)).await?;
                let made = KeyState {
                    purpose,
                    number,
                    mints: from.is_none(),
                    mints_from: from,
                    created_at: Some(now),
                    referenced: true,
                };
                keep.answer(conn, &made).await?;
                written = Some(Rewritten::write(self, before, after)?);
                Ok::<_, Error>(made)
            })
            .await?;
        self.in_force(written)?;
        Ok(made)
    }

    /// Takes a key that nothing needs any more out of the file. Its number is never used again.
    pub async fn retire(&self, principal: &str, purpose: Purpose, number: i16) -> Result<()> {
        let now = self.store.clock.now();
        let _changing = self.changing.lock().await;
        let mut written = None;
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            rows::lock(conn).await?;
            let of = self.keyring.of(purpose);
            if !of.iter().any(|(id, _)| *id == number) {
                return Err(Error::NotFound("key"));
            }
            let minting = self.keyring.minting(purpose);
            if minting.is_none_or(|minting| number >= minting) {
                return Err(Error::State("this key mints: rotate first".to_owned()));
            }
            if rows::is_referenced(conn, purpose, number).await? {
                return Err(Error::State(
                    "something still needs this key: it goes once nothing does".to_owned(),
                ));
            }
            let known = rows::list(conn).await?;
            let successor = known
                .iter()
                .find(|key| key.purpose == purpose.as_str() && Some(key.key_id) == minting);
            if purpose == Purpose::Signing
                && successor.is_some_and(|key| now < key.created_at + SPREAD + SIGNED)
            {
                return Err(Error::State(
                    "what it signed is still out there: try again in a quarter of an hour"
                        .to_owned(),
                ));
            }
            rows::retire(conn, purpose, number, now).await?;
            let subject = format!("key:{}.{number}", purpose.as_str());
            let trace = Trace::new(principal, ("key.retire", "key.retired"), subject, now);
            leave(conn, trace).await?;
            let before = self.read_file()?;
            let after = keyring::removed(&before, purpose, number);
            written = Some(Rewritten::write(self, before, after)?);
            Ok(())
        })
        .await?;
        self.in_force(written)
    }

    /// Once the change is committed: what was written stays, and is read.
    fn in_force(&self, written: Option<Rewritten>) -> Result<()> {
        if let Some(written) = written {
            written.stays();
        }
        self.reload()?;
        Ok(())
    }

    pub(super) fn read_file(&self) -> Result<String> {
        std::fs::read_to_string(&self.file)
            .map_err(|why| Error::State(format!("{} cannot be read: {why}", self.file.display())))
    }
}
