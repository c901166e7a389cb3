//! What is personal in the audit: readable as long as the user's own key lives.
use crate::{
    error::Result,
    keyring::{Keyring, OwnKey, Place},
    models::UserNo,
    repositories::user_keys,
    services::store::Store,
};
use diesel_async::AsyncPgConnection;
use serde_json::Value;
use std::collections::HashMap;

/// Seals personal details of a user for `Trace::with_personal`, inside the change's transaction.
pub async fn seal(
    conn: &mut AsyncPgConnection,
    store: &Store,
    user: UserNo,
    action: &str,
    detail: &Value,
) -> Result<Option<Vec<u8>>> {
    if keys(conn, &store.keyring, &[user]).await?.is_empty() {
        let key = OwnKey::fresh(&*store.clock);
        let row = user.to_string();
        let sealed = store.keyring.seal(
            &place(&row),
            secrecy::ExposeSecret::expose_secret(&key.text()),
        )?;
        user_keys::insert(conn, user, &sealed, store.clock.now()).await?;
    }
    // read again: another may have been first
    let keys = keys(conn, &store.keyring, &[user]).await?;
    let Some(key) = keys.get(&user) else {
        return Ok(None);
    };
    Ok(Some(key.seal(
        &*store.clock,
        action,
        &detail.to_string(),
    )?))
}

/// The keys of these users, those that still live.
pub(super) async fn keys(
    conn: &mut AsyncPgConnection,
    keyring: &Keyring,
    users: &[UserNo],
) -> Result<HashMap<UserNo, OwnKey>> {
    let mut keys = HashMap::new();
    for (user, sealed) in user_keys::list(conn, users).await? {
        if let Some(key) = OwnKey::parse(&keyring.open(&place(&user.to_string()), &sealed)?) {
            keys.insert(user, key);
        }
    }
    Ok(keys)
}

pub(super) fn open(key: &OwnKey, action: &str, sealed: &[u8]) -> Option<Value> {
    serde_json::from_str(&key.open(action, sealed)?).ok()
}

fn place(row: &str) -> Place<'_> {
    Place {
        table: "user_keys",
        column: "key_sealed",
        row,
    }
}
