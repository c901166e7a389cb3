//! Who did what, read; and the chain over it: sealed within a second by one writer, witnessed by a file outside the
//! database, verified.
mod head;
mod personal;
mod seal;
mod verify;

pub use crate::repositories::audit::Before;
pub use head::Head;
pub use personal::seal as seal_personal;
pub use verify::{Finding, Flaw, Verified};

use crate::{
    error::{Error, Result},
    keyring::Keyring,
    models::{Named, UserId},
    repositories::{
        audit::{self, Entry, Filter},
        users,
    },
    services::store::Store,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

/// The service.
#[derive(Clone)]
pub struct Audit {
    pub store: Store,
    pub keyring: Arc<Keyring>,
    /// Where heads are written.
    pub heads: PathBuf,
    /// The last head that this process knows, and when it was last written down.
    pub known: Arc<Mutex<Option<Head>>>,
}

/// Which rows are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditOf {
    pub principal: Option<String>,
    /// `user.create`, or `user.` for all of a noun.
    pub action: Option<String>,
    pub subject: Option<String>,
    pub user: Option<Named>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub before: Option<Before>,
    pub limit: i64,
}

/// A row with the name of whom it is about.
#[derive(Clone, Debug)]
pub struct AuditDetail {
    pub entry: Entry,
    pub user: Option<(UserId, String)>,
    /// Personal details, while the user is not erased.
    pub personal: Option<Value>,
}

impl Audit {
    /// One page, newest first, and where to go on if it comes short.
    pub async fn list(&self, of: AuditOf) -> Result<(Vec<AuditDetail>, Option<Before>)> {
        let mut conn = self.store.conn().await?;
        let user = match &of.user {
            None => None,
            Some(Named::Id(id)) => users::find_erased(&mut conn, *id).await?,
            Some(who) => users::find(&mut conn, who).await?,
        };
        if of.user.is_some() && user.is_none() {
            return Err(Error::NotFound("user"));
        }
        let filter = Filter {
            principal: of.principal,
            action: of.action,
            subject: of.subject,
            user: user.map(|user| user.number),
            from: of.from,
            to: of.to,
            before: of.before,
            limit: of.limit,
        };
        let (entries, rest) = audit::list(&mut conn, &filter).await?;
        drop(conn);
        Ok((self.details(entries).await?, rest))
    }

    /// Rows with the names of whom they are about, and what is personal in them.
    pub async fn details(&self, entries: Vec<Entry>) -> Result<Vec<AuditDetail>> {
        let mut conn = self.store.conn().await?;
        let mut numbers: Vec<_> = entries.iter().filter_map(|entry| entry.user_no).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let keys = personal::keys(&mut conn, &self.keyring, &numbers).await?;
        let names: HashMap<_, _> = users::names(&mut conn, &numbers)
            .await?
            .into_iter()
            .map(|(no, id, name)| (no, (id, name)))
            .collect();
        let detail = |entry: Entry| AuditDetail {
            user: entry.user_no.and_then(|no| names.get(&no).cloned()),
            personal: entry
                .user_no
                .and_then(|no| keys.get(&no))
                .zip(entry.personal.as_ref())
                .and_then(|(key, sealed)| personal::open(key, &entry.action, sealed)),
            entry,
        };
        Ok(entries.into_iter().map(detail).collect())
    }
}
