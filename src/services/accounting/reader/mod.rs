//! The one reader of a node: asks, merges, acknowledges, looks who is online, kicks, cleans up, and says when it wants to
//! run again. A loop around [`Reader::run_once`] is all that a node needs; whatever hurries the loop is welcome, since
//! nothing here happens by event.
mod clean;
mod drain;
mod health;
mod online;
mod read;

use super::{
    Accounting,
    observe::{Baseline, Counters, Dead, Present},
    pace,
};
use crate::{
    admission::Directory,
    error::{Error, Result},
    hysteria::stats::{StatsClient, StatsError},
    repositories::{
        connections,
        readings::{self, Lease, Source},
    },
    services::{directory::DirectoryKeeper, leases::Leases},
};
use chrono::{DateTime, Utc};
use health::Health;
use online::Open;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What readers share.
#[derive(Clone)]
pub struct Context {
    pub accounting: Arc<Accounting>,
    pub directory: Arc<Directory>,
    pub keeper: Arc<DirectoryKeeper>,
    pub leases: Arc<Leases>,
}

/// Reads one node under one lease.
pub struct Reader {
    context: Context,
    source: Source,
    client: StatsClient,
    lease: Lease,
    /// What was acknowledged; `None`: it must be loaded first.
    state: Option<State>,
    health: Health,
    open: Open,
    read_due: Instant,
    last_read: Option<Instant>,
    /// What the last complete round cost.
    cost: Duration,
    dead: Dead,
    /// Bytes a second over the last read.
    rate: u64,
    /// A clean-up whose answer did not come, and what may be lost with it.
    lost: Option<u64>,
    alarmed_at: Option<DateTime<Utc>>,
    shared: bool,
    drain: drain::Drain,
    /// Ids beyond those that are held: how many the figures know of, in which generation.
    beyond: (i64, usize),
    stop: CancellationToken,
}

/// How far the node is read, as far as this reader has committed it.
struct State {
    generation: i64,
    doubtful: i64,
    baseline: Baseline,
    began: Option<DateTime<Utc>>,
}

/// What one round says to its loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// When to run again.
    pub next: Duration,
    /// Do not run again.
    pub end: Option<End>,
}

/// Why a reader ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Another instance reads this node.
    LeaseLost,
    /// The node was drained and is deleted.
    Drained,
}

/// Why a round did not come to its end.
enum Trouble {
    /// The node.
    Node(StatsError),
    /// The database.
    Database(Error),
    /// Somebody else holds the lease.
    Stale,
}

impl<E: Into<Error>> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

impl Reader {
    /// A reader that has yet to load what is known.
    pub fn new(
        context: Context,
        source: Source,
        client: StatsClient,
        lease: Lease,
        stop: CancellationToken,
    ) -> Self {
        Self {
            context,
            source,
            client,
            lease,
            state: None,
            health: Health::default(),
            open: Open::default(),
            read_due: Instant::now(),
            last_read: None,
            cost: Duration::ZERO,
            dead: Dead::default(),
            rate: 0,
            lost: None,
            alarmed_at: None,
            shared: false,
            drain: drain::Drain::default(),
            beyond: (0, 0),
            stop,
        }
    }

    /// The node's settings changed: another address, secret or line rate.
    pub fn change(&mut self, source: Source, client: StatsClient) {
        self.source = source;
        self.client = client;
        self.read_due = Instant::now();
    }

    /// The next round reads, whenever the last one did: a `reload`, or somebody who watches.
    pub fn make_due(&mut self) {
        self.read_due = Instant::now();
        self.last_read = None;
    }

    /// The settings that it reads with.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Its lease.
    pub fn lease(&self) -> Lease {
        self.lease
    }

    /// One round: reads counters if that is due, then looks who is online, whatever woke it. Stopped, it ends early, but
    /// never between a clean-up and its answer.
    pub async fn run_once(&mut self) -> Outcome {
        let round = self.round().await;
        let next = match round {
            Ok(()) => {
                self.recovered().await;
                self.next()
            }
            Err(Trouble::Stale) => {
                self.ignored("stale_epoch");
                return Outcome {
                    next: Duration::ZERO,
                    end: Some(End::LeaseLost),
                };
            }
            Err(Trouble::Node(error)) => self.failed(&error).await,
            Err(Trouble::Database(error)) => {
                // Whether the last commit arrived is not known: what is known comes from the database.
                self.state = None;
                tracing::warn!(node = self.source.name, %error, "a read was not merged");
                self.backoff_database()
            }
        };
        let end = self.drain.is_done().then_some(End::Drained);
        Outcome { next, end }
    }

    async fn round(&mut self) -> std::result::Result<(), Trouble> {
        let start = Instant::now();
        self.load().await?;
        self.merge_left_over().await?;
        let reads = self.read_is_due(start);
        let stop = self.stop.clone();
        let ended = tokio::select! {
            biased;
            // what was merged is merged, and what was not is read again by whoever comes next
            () = stop.cancelled() => return Ok(()),
            ended = self.read_and_look(reads) => ended,
        };
        ended?;
        if reads && !stop.is_cancelled() {
            self.cost = start.elapsed();
            self.clean_up_if_due().await?;
            self.drain_if_asked().await?;
        }
        Ok(())
    }

    async fn read_and_look(&mut self, reads: bool) -> std::result::Result<(), Trouble> {
        if reads {
            self.read().await?;
        }
        self.look_who_is_online(reads).await
    }

    /// A hurried loop reads early, unless it has just read.
    fn read_is_due(&self, now: Instant) -> bool {
        let floor = self
            .context
            .accounting
            .settings
            .min_interval
            .max(self.cost.saturating_mul(20));
        now >= self.read_due || self.last_read.is_none_or(|last| now >= last + floor)
    }

    fn next(&self) -> Duration {
        let until_read = self.read_due.saturating_duration_since(Instant::now());
        if self.open.is_kicking() {
            // every second until they are gone, whatever the counters cost
            until_read.min(Duration::from_secs(1))
        } else {
            until_read
        }
    }

    /// Finds out how far the node is, once under each lease and after every doubtful commit.
    async fn load(&mut self) -> std::result::Result<(), Trouble> {
        if self.state.is_some() {
            return Ok(());
        }
        let node = self.lease.node;
        let mut conn = self.context.accounting.db.get().await?;
        let row = readings::find(&mut conn, node).await?;
        let Some(row) = row.filter(|row| row.epoch == self.lease.epoch) else {
            return Err(Trouble::Stale);
        };
        let present = connections::list_present(&mut conn, node, row.generation).await?;
        let open = connections::list_open(&mut conn, node).await?;
        let counters = |tx: i64, rx: i64| Counters {
            tx: tx.cast_unsigned(),
            rx: rx.cast_unsigned(),
        };
        let keys = &self.context.accounting.keys;
        let baseline = Baseline::load(present.into_iter().map(|row| Present {
            strange: keys.parse(node, &row.id).is_none(),
            id: row.id.into(),
            seen: counters(row.tx, row.rx),
            merged: counters(row.merged_tx, row.merged_rx),
            since: row.since,
            held: row.held,
        }));
        self.open.load(open);
        self.health
            .load(row.failing_since, row.error, row.unreadable_reported);
        self.shared = row.shared_with.is_some();
        self.state = Some(State {
            generation: row.generation,
            doubtful: row.doubtful_generation,
            baseline,
            began: row.read_at,
        });
        Ok(())
    }

    fn bounds(&self) -> pace::Bounds {
        let settings = &self.context.accounting.settings;
        pace::Bounds {
            min: settings.min_interval,
            max: settings.max_interval,
        }
    }

    fn ignored(&self, reason: &str) {
        self.context
            .accounting
            .metrics
            .reports_ignored
            .with_label_values(&[&self.source.name, reason])
            .inc();
    }

    fn now(&self) -> DateTime<Utc> {
        self.context.accounting.clock.now()
    }

    /// The lease or the database said so: not the node's fault.
    async fn conn(
        &self,
    ) -> Result<impl std::ops::DerefMut<Target = diesel_async::AsyncPgConnection>> {
        Ok(self.context.accounting.db.get().await?)
    }
}
