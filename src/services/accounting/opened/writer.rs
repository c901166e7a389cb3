//! Writes admissions in batches.
use super::{Journal, OpenedConnection};
use crate::{
    error::Result,
    models::{Severity, UserNo},
    repositories::{
        Db,
        changes::{self, Change},
        connections::{self, NewConnection},
        events::{self, NewEvent},
    },
};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use std::time::Duration;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How long the database is left alone after it failed.
const PAUSE: Duration = Duration::from_secs(1);

/// What one round of the writer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// So many rows stand in the database.
    Rows(usize),
    /// So many rows stand in the journal.
    Journaled(usize),
    /// So many rows went from the journal into the database.
    Replayed(usize),
    /// Nobody sends any more.
    Closed,
}

/// The one that writes.
pub struct OpenedWriter {
    db: Db,
    queue: mpsc::Receiver<OpenedConnection>,
    journal: Journal,
    rows: usize,
    wait: Duration,
    /// The database failed: the journal takes what comes until then.
    away_until: Option<Instant>,
}

impl OpenedWriter {
    /// Writes what comes through `queue`, `rows` or `wait` a batch.
    pub fn new(
        db: Db,
        queue: mpsc::Receiver<OpenedConnection>,
        journal: Journal,
        rows: usize,
        wait: Duration,
    ) -> Self {
        Self {
            db,
            queue,
            journal,
            rows: rows.max(1),
            wait,
            away_until: None,
        }
    }

    /// Waits for the next batch, or for the database to come back, and writes. What was taken from the queue is in the
    /// database or in the journal when this returns; only a row that the journal refuses is lost, and the node's report
    /// creates it.
    pub async fn run_once(&mut self, stop: &CancellationToken) -> Written {
        if !self.journal.is_empty() && self.away_until.is_none_or(|until| until <= Instant::now()) {
            match self.replay().await {
                Ok(rows) => return Written::Replayed(rows),
                Err(error) => self.went_away(&error),
            }
        }
        let patience = async {
            match self.away_until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        let first = tokio::select! {
            biased;
            first = self.queue.recv() => first,
            () = stop.cancelled() => return Written::Rows(0),
            () = patience => return Written::Rows(0),
        };
        let Some(first) = first else {
            return Written::Closed;
        };
        let batch = self.batch(first).await;
        if self.away_until.is_some() || !self.journal.is_empty() {
            return self.put_aside(&batch).await;
        }
        match self.write(&batch).await {
            Ok(()) => Written::Rows(batch.len()),
            Err(error) => {
                self.went_away(&error);
                self.put_aside(&batch).await
            }
        }
    }

    /// What is left in the queue at the end.
    pub async fn finish(&mut self) {
        self.queue.close();
        let never = CancellationToken::new();
        while self.run_once(&never).await != Written::Closed {}
    }

    async fn batch(&mut self, first: OpenedConnection) -> Vec<OpenedConnection> {
        // Asleep instead of listening: each admission would else wake this task, at the hook's cost.
        if self.queue.len() + 1 < self.rows {
            sleep(self.wait).await;
        }
        let mut batch = vec![first];
        while batch.len() < self.rows {
            match self.queue.try_recv() {
                Ok(more) => batch.push(more),
                Err(_) => break,
            }
        }
        batch
    }

    async fn write(&self, batch: &[OpenedConnection]) -> Result<()> {
        let mut conn = self.db.get().await?;
        conn.transaction(async |conn| write(conn, batch).await)
            .await?;
        Ok(())
    }

    async fn replay(&mut self) -> Result<usize> {
        let mut rows = 0;
        while let Some(batch) = self.journal.oldest(self.rows).await? {
            self.write(&batch).await?;
            rows += batch.len();
            self.journal.forget().await?;
        }
        self.away_until = None;
        Ok(rows)
    }

    async fn put_aside(&mut self, batch: &[OpenedConnection]) -> Written {
        match self.journal.append(batch).await {
            Ok(()) => Written::Journaled(batch.len()),
            Err(error) => {
                tracing::error!(%error, rows = batch.len(), "opened connections were not journaled");
                Written::Journaled(0)
            }
        }
    }

    fn went_away(&mut self, error: &crate::error::Error) {
        if self.away_until.is_none() {
            tracing::warn!(%error, "opened connections go to the journal");
        }
        self.away_until = Some(Instant::now() + PAUSE);
    }
}

/// Users before connections: the one order of locks.
async fn write(conn: &mut AsyncPgConnection, batch: &[OpenedConnection]) -> QueryResult<()> {
    let first: Vec<(UserNo, DateTime<Utc>)> = batch
        .iter()
        .filter(|c| c.activates)
        .map(|c| (c.user, c.admitted_at))
        .collect();
    if !first.is_empty() {
        let activated = connections::activate(conn, &first).await?;
        let at = |user| {
            first
                .iter()
                .filter(|(u, _)| *u == user)
                .map(|(_, at)| *at)
                .min()
        };
        let told: Vec<NewEvent<'_>> = activated
            .iter()
            .filter_map(|user| {
                Some(NewEvent {
                    kind: "user.activated",
                    severity: Severity::Info,
                    actor: "admission",
                    user: Some(*user),
                    device: None,
                    node: None,
                    data: json!({}),
                    at: at(*user)?,
                })
            })
            .collect();
        events::insert_all(conn, &told).await?;
        let changed: Vec<Change> = activated.into_iter().map(Change::User).collect();
        changes::insert_all(conn, &changed).await?;
    }
    // an id is minted once, but a journal may be replayed beside a late copy
    let mut rows: Vec<NewConnection> = batch.iter().map(row).collect();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    rows.dedup_by(|a, b| a.id == b.id);
    connections::insert(conn, &rows).await?;
    Ok(())
}

fn row(opened: &OpenedConnection) -> NewConnection {
    NewConnection {
        id: opened.id.as_ref().into(),
        node: opened.node.0,
        user: opened.user.0,
        device: opened.device.0,
        credential_version: opened.credential_version,
        addr: opened.addr.map(|addr| addr.to_canonical().to_string()),
        admitted_at: opened.admitted_at,
    }
}
