//! Moves what older keys hold to the newest: hashes from the sealed form, sealed values from themselves. Nothing is
//! unreadable at any step, because older keys go on verifying and opening until nothing refers to them.
use super::Keys;
use crate::{
    error::Result,
    keyring::{Place, Purpose},
    repositories::{
        changes::{self, Change},
        credentials,
        sealed::{self, COLUMNS, Column, START},
    },
};
use diesel_async::AsyncConnection;
use secrecy::ExposeSecret;

/// Rows a transaction.
const PART: i64 = 500;

impl Keys {
    /// Every live credential under the newest pepper.
    pub(super) async fn rehash(&self) -> Result<usize> {
        let Some(newest) = self.keyring.minting(Purpose::Pepper) else {
            return Ok(0);
        };
        let (mut moved, mut after) = (0, START.to_owned());
        loop {
            let mut conn = self.store.conn().await?;
            let part = credentials::list_old_hashes(&mut conn, newest, &after, PART).await?;
            let Some(last) = part.last() else {
                return Ok(moved);
            };
            after.clone_from(&last.place);
            moved += conn
                .transaction(async |conn| {
                    let (mut done, mut users) = (0, Vec::new());
                    for old in &part {
                        let row = format!("{}.{}", old.device_no, old.version);
                        let place = Place {
                            table: "credentials",
                            column: "secret_sealed",
                            row: &row,
                        };
                        let Ok(secret) = self.keyring.open(&place, &old.secret_sealed) else {
                            tracing::error!(
                                row,
                                "a credential does not open: its hash stays under its old pepper"
                            );
                            continue;
                        };
                        let secret = secret.expose_secret();
                        if let Some((pepper, hash)) = self.credentials.newest(old.kind, secret) {
                            let folded = self.credentials.folded(pepper, secret);
                            let folded = folded.as_ref().map(<[u8; 32]>::as_slice);
                            let fresh = (pepper, hash.as_slice(), folded);
                            done += credentials::rehash(conn, old, fresh).await?;
                            users.push(Change::User(old.user_no));
                        }
                    }
                    changes::insert_all(conn, &users).await?;
                    Ok::<_, crate::error::Error>(done)
                })
                .await?;
        }
    }

    /// Every sealed value under the newest key.
    pub(super) async fn reseal(&self) -> Result<usize> {
        let Some(newest) = self.keyring.minting(Purpose::Sealing) else {
            return Ok(0);
        };
        let mut moved = 0;
        for of in COLUMNS {
            moved += self.reseal_column(*of, newest).await?;
        }
        Ok(moved)
    }

    async fn reseal_column(&self, of: Column, newest: i16) -> Result<usize> {
        let (mut moved, mut left, mut after) = (0, 0_u64, START.to_owned());
        loop {
            let mut conn = self.store.conn().await?;
            let part = sealed::list_old(&mut conn, of, newest, &after, PART).await?;
            let Some(last) = part.last() else {
                if left > 0 {
                    tracing::error!(
                        table = of.table,
                        column = of.column,
                        rows = left,
                        "values that no key opens stay as they are"
                    );
                }
                return Ok(moved);
            };
            after.clone_from(&last.place);
            moved += conn
                .transaction(async |conn| {
                    let mut done = 0;
                    for old in &part {
                        let place = Place {
                            table: of.table,
                            column: of.column,
                            row: &old.name,
                        };
                        match self.keyring.open(&place, &old.sealed) {
                            Ok(plain) => {
                                let fresh = self.keyring.seal(&place, plain.expose_secret())?;
                                done += sealed::replace(conn, of, old, &fresh).await?;
                            }
                            Err(why) => {
                                left += 1;
                                tracing::debug!(table = of.table, column = of.column, row = old.name, %why, "not sealed anew");
                            }
                        }
                    }
                    Ok::<_, crate::error::Error>(done)
                })
                .await?;
        }
    }
}
