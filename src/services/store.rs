//! What every service that changes things stands on, and the one way in which a change leaves its traces.
//!
//! In one transaction: the row, then `changes`, `events`, `audit`; after the commit the caller waits until this
//! instance's directory holds it, so that an answer means: from now on.
use crate::{
    clock::Clock,
    error::{Error, Result},
    keyring::Keyring,
    models::{DeviceNo, NodeNo, Severity, UserNo},
    repositories::{
        Db,
        audit::{self, NewEntry},
        changes::{self, Change},
        events::{self, NewEvent},
    },
    services::directory::DirectoryKeeper,
};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncPgConnection, pooled_connection::deadpool::Object};
use serde_json::Value;
use std::sync::Arc;

/// The database, the time, and the directory that must hear of changes.
#[derive(Clone)]
pub struct Store {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub directory: Arc<DirectoryKeeper>,
    /// Seals what is personal in the traces of a change.
    pub keyring: Arc<Keyring>,
}

/// Which version of an object a caller saw before it thought of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Seen {
    /// It does not say: whatever is there is changed.
    #[default]
    Anything,
    /// One of these.
    Versions(Vec<i64>),
}

impl Seen {
    /// To be called under the row's lock.
    pub fn check(&self, version: i64) -> Result<()> {
        match self {
            Self::Versions(seen) if !seen.contains(&version) => Err(Error::Changed),
            _ => Ok(()),
        }
    }
}

/// What happened, for directories, listeners and auditors.
#[derive(Debug)]
pub struct Trace<'a> {
    /// Who did it.
    pub principal: &'a str,
    /// How much it matters to listeners.
    pub severity: Severity,
    /// `noun.verb`, for the auditor.
    pub action: &'static str,
    /// `noun.happened`, for listeners.
    pub event: &'static str,
    /// `noun:id`.
    pub subject: String,
    pub user: Option<UserNo>,
    pub device: Option<DeviceNo>,
    pub node: Option<NodeNo>,
    /// What changed. Never a secret, and no personal field: erasing a user must not mean rewriting history.
    pub detail: Value,
    /// What is personal in it, for the auditor alone: sealed under the user's own key (`personal::seal`).
    pub personal: Option<Vec<u8>>,
    /// What directories must read again.
    pub changes: Vec<Change>,
    pub at: DateTime<Utc>,
}

impl Store {
    /// A connection of the shared pool.
    pub async fn conn(&self) -> Result<Object<AsyncPgConnection>> {
        Ok(self.db.get().await?)
    }

    /// To be called after the commit: gives the connection back and waits until this instance's directory holds
    /// everything committed so far.
    pub async fn caught_up(&self, used: Object<AsyncPgConnection>) -> Result<()> {
        drop(used);
        self.directory.caught_up().await
    }
}

impl<'a> Trace<'a> {
    /// A trace that is about nobody yet.
    pub fn new(
        principal: &'a str,
        (action, event): (&'static str, &'static str),
        subject: String,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            principal,
            severity: Severity::Info,
            action,
            event,
            subject,
            user: None,
            device: None,
            node: None,
            detail: Value::Object(serde_json::Map::default()),
            personal: None,
            changes: Vec::new(),
            at,
        }
    }
    /// About a user, whose rows directories must read again.
    pub fn user(mut self, user: UserNo) -> Self {
        self.user = Some(user);
        self.changes.push(Change::User(user));
        self
    }
    /// About a device; its owner's rows are read again.
    pub fn device(mut self, device: DeviceNo) -> Self {
        self.device = Some(device);
        self
    }
    /// About a node, whose rows directories must read again.
    pub fn node(mut self, node: NodeNo) -> Self {
        self.node = Some(node);
        self.changes.push(Change::Node(node));
        self
    }
    /// Somebody should look at it.
    pub fn alarm(mut self) -> Self {
        self.severity = Severity::Alarm;
        self
    }
    /// With personal details, as `personal::seal` gave them.
    pub fn with_personal(mut self, sealed: Option<Vec<u8>>) -> Self {
        self.personal = sealed;
        self
    }
    /// With what changed.
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

/// Writes the traces of a change, inside its transaction.
pub async fn leave(conn: &mut AsyncPgConnection, trace: Trace<'_>) -> Result<(), Error> {
    changes::insert_all(conn, &trace.changes).await?;
    let event = NewEvent {
        kind: trace.event,
        severity: trace.severity,
        actor: trace.principal,
        user: trace.user,
        device: trace.device,
        node: trace.node,
        data: trace.detail.clone(),
        at: trace.at,
    };
    events::insert(conn, &event).await?;
    let entry = NewEntry {
        principal: trace.principal,
        action: trace.action,
        subject: &trace.subject,
        detail: trace.detail,
        at: trace.at,
        user: trace.user,
        personal: trace.personal,
    };
    audit::insert(conn, entry).await?;
    Ok(())
}
