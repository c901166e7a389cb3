//! Brings the keys' file and the database together at the start: first keys only for an empty database, and no start
//! with keys that would lock everybody out.
use crate::{
    clock::{Clock, random},
    keyring::{self, Fingerprint, Keyring, Purpose},
    repositories::key_fingerprints as rows,
};
use anyhow::{Context, Result, bail};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use std::{path::Path, sync::Arc};

/// The keys of this installation, checked against the data.
pub async fn open(
    conn: &mut AsyncPgConnection,
    file: &Path,
    clock: Arc<dyn Clock>,
) -> Result<Keyring> {
    conn.transaction(async |conn| {
        rows::lock(conn).await?;
        let known = rows::list(conn).await?;
        let keys = match Keyring::read(file, clock.clone())? {
            Some(keys) => keys,
            None if known.is_empty() => {
                let keys = Keyring::generate(clock.clone());
                keys.write_new(file)?;
                tracing::info!(file = %file.display(), "made the first keys");
                keys
            }
            None => bail!(
                "{} is missing and the database was written with its keys: put it back, else no credential is recognised and no secret opens",
                file.display()
            ),
        };
        let keys = complete(keys, &known, file, &clock)?;
        let own = keys.fingerprints();
        for key in known.iter().filter(|key| key.retired_at.is_none()) {
            agrees(conn, &own, &key.purpose, key.key_id, &key.fingerprint, file).await?;
        }
        for key in &own {
            rows::insert(conn, key.purpose, key.key_id, &key.fingerprint, clock.now()).await?;
        }
        Ok(keys)
    })
    .await
}

/// A purpose that is newer than the file gets its first key, if the data knows none of it either.
fn complete(
    keys: Keyring,
    known: &[rows::Known],
    file: &Path,
    clock: &Arc<dyn Clock>,
) -> Result<Keyring> {
    let lacking = keys.missing();
    if lacking.is_empty() {
        return Ok(keys);
    }
    for purpose in lacking {
        if known.iter().any(|key| key.purpose == purpose.as_str()) {
            bail!(
                "{}: no key under [{}], and the database was written with one: put it back",
                file.display(),
                purpose.as_str()
            )
        }
        let text = std::fs::read_to_string(file)?;
        let (text, _) = keyring::added(&text, purpose, &[], &random(&**clock), None)?;
        Keyring::rewrite(file, &text, clock.clone())?;
        tracing::info!(file = %file.display(), purpose = purpose.as_str(), "made the first key of a new purpose");
    }
    Keyring::read(file, clock.clone())?.context("the keys' file is gone")
}

/// A key that the data refers to must be there, and a known one must be the same.
async fn agrees(
    conn: &mut AsyncPgConnection,
    own: &[Fingerprint],
    purpose: &str,
    key_id: i16,
    fingerprint: &[u8],
    file: &Path,
) -> Result<()> {
    let file = file.display();
    let mine = own
        .iter()
        .find(|key| key.purpose.as_str() == purpose && key.key_id == key_id);
    match mine {
        Some(mine) if mine.fingerprint == fingerprint => Ok(()),
        Some(_) => bail!(
            "{file}: [{purpose}] {key_id} is not the key that the database was written with: put the right one back"
        ),
        None => {
            let Some(purpose) = Purpose::named(purpose) else {
                return Ok(());
            };
            if rows::is_referenced(conn, purpose, key_id).await? {
                bail!(
                    "{file}: [{}] {key_id} is missing and the database still refers to it: put it back",
                    purpose.as_str()
                )
            }
            Ok(())
        }
    }
}
