//! The one task that writes the directory. It has a connection of its own and is never in two reads at once, so what it
//! applies only ever moves forward.
use super::{
    DirectoryKeeper, Health, Wish,
    load::{self, Shared},
};
use crate::{
    admission::Directory,
    clock::Clock,
    models::{NodeNo, UserNo},
    repositories::directory::{self as rows, ChangeRow},
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

/// An answer that takes longer means that the connection is dead (design, 3).
const UNANSWERED: Duration = Duration::from_secs(3);
/// A fill of millions may take longer than one read.
const FILLING: Duration = Duration::from_mins(2);
/// Above so many changed users a comparison of everything is cheaper than one look-up each.
const MANY: usize = 2_000;

/// What the keeper works with.
pub struct KeeperSettings {
    pub database_url: String,
    /// Between two reads of the log: 1 s.
    pub period: Duration,
    /// Between two comparisons of everything: minutes.
    pub reconcile_every: Duration,
}

/// Called after users or nodes changed: rings the bells of the nodes concerned.
pub type Changed = dyn Fn(&[UserNo], &[NodeNo]) + Send + Sync;

/// The keeper itself; [`Keeper::run`] is its task.
pub struct Keeper {
    settings: KeeperSettings,
    directory: Arc<Directory>,
    clock: Arc<dyn Clock>,
    changed: Arc<Changed>,
    wishes: mpsc::UnboundedReceiver<Wish>,
    filled: watch::Sender<bool>,
    health: Health,
    shared: Shared,
    /// Where the next read starts.
    xmin: i64,
    /// Rows at or above `xmin` that were applied already, with their transactions.
    applied: BTreeMap<i64, i64>,
}

impl Keeper {
    /// A keeper and its front.
    pub fn new(
        settings: KeeperSettings,
        directory: Arc<Directory>,
        clock: Arc<dyn Clock>,
        changed: Arc<Changed>,
    ) -> (Self, DirectoryKeeper) {
        let (wish, wishes) = mpsc::unbounded_channel();
        let (fill, filled) = watch::channel(false);
        let health = Health::default();
        let front = DirectoryKeeper {
            wishes: wish,
            filled,
            health: health.clone(),
        };
        let keeper = Self {
            settings,
            directory,
            clock,
            changed,
            wishes,
            filled: fill,
            health,
            shared: Shared::default(),
            xmin: 0,
            applied: BTreeMap::new(),
        };
        (keeper, front)
    }

    /// Connects, fills, follows the log; again from the start when the connection is lost.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let ended = tokio::select! {
                () = stop.cancelled() => return,
                ended = self.connected() => ended,
            };
            self.health.lost();
            if let Err(error) = ended {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the directory lost its connection"
                );
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(self.settings.period.min(Duration::from_millis(200))) => {}
            }
        }
    }

    /// One connection's life. The last state keeps answering meanwhile.
    async fn connected(&mut self) -> anyhow::Result<()> {
        let connecting = AsyncPgConnection::establish(&self.settings.database_url);
        let mut conn = timeout(UNANSWERED, connecting).await??;
        self.reconcile(&mut conn).await?;
        self.filled.send_replace(true);
        let mut tick = interval(self.settings.period);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut compared = Instant::now();
        loop {
            let mut waiting: Vec<oneshot::Sender<()>> = Vec::new();
            let mut whole = compared.elapsed() >= self.settings.reconcile_every;
            tokio::select! {
                _ = tick.tick() => {}
                Some(wish) = self.wishes.recv() => whole |= take(wish, &mut waiting),
            }
            while let Ok(wish) = self.wishes.try_recv() {
                whole |= take(wish, &mut waiting);
            }
            if whole {
                self.reconcile(&mut conn).await?;
                compared = Instant::now();
            } else {
                timeout(FILLING, self.follow(&mut conn)).await??;
            }
            self.health.read(self.clock.now());
            for done in waiting {
                // a caller that has given up is no error
                let _ = done.send(());
            }
        }
    }

    /// Compares everything, in one snapshot; the log is followed from that snapshot on.
    async fn reconcile(&mut self, conn: &mut AsyncPgConnection) -> anyhow::Result<()> {
        let (directory, shared, now) = (self.directory.clone(), &mut self.shared, self.clock.now());
        let mut snapshot = conn.build_transaction().repeatable_read().read_only();
        let loading = snapshot.run(async |conn| {
            let xmin = rows::snapshot_xmin(conn).await?;
            let users = load::everything(conn, &directory, shared, now).await?;
            Ok::<_, diesel::result::Error>((xmin, users))
        });
        let (xmin, users) = timeout(FILLING, loading).await??;
        self.xmin = xmin;
        self.applied.clear();
        let nodes: Vec<_> = self.directory.nodes().iter().map(|n| n.number).collect();
        (self.changed)(&users, &nodes);
        self.health.read(now);
        Ok(())
    }

    /// Reads the log and applies what it names, in one snapshot.
    async fn follow(&mut self, conn: &mut AsyncPgConnection) -> anyhow::Result<()> {
        let (directory, shared, now) = (self.directory.clone(), &mut self.shared, self.clock.now());
        let (since, applied) = (self.xmin, &self.applied);
        let mut snapshot = conn.build_transaction().repeatable_read().read_only();
        let reading = snapshot.run(async |conn| {
            let Ok(xmin) = timeout(UNANSWERED, rows::snapshot_xmin(conn)).await else {
                anyhow::bail!("unanswered for {UNANSWERED:?}")
            };
            let (xmin, log) = (xmin?, rows::changes_since(conn, since).await?);
            let fresh: Vec<_> = log
                .iter()
                .filter(|c| !applied.contains_key(&c.number))
                .collect();
            let users = of_kind(&fresh, "user").map(UserNo).collect::<HashSet<_>>();
            let nodes = of_kind(&fresh, "node").map(NodeNo).collect::<HashSet<_>>();
            if users.len() > MANY {
                load::everything(conn, &directory, shared, now).await?;
            } else {
                for user in &users {
                    load::users(conn, &directory, shared, *user, *user, now).await?;
                }
            }
            for node in &nodes {
                load::nodes(conn, &directory, shared, Some(*node)).await?;
            }
            let (users, nodes): (Vec<_>, Vec<_>) =
                (users.into_iter().collect(), nodes.into_iter().collect());
            Ok::<_, anyhow::Error>((xmin, log, users, nodes))
        });
        let (xmin, log, users, nodes) = reading.await?;
        // a long transaction elsewhere holds xmin back: what was applied since is not applied again
        self.applied
            .extend(log.into_iter().map(|c| (c.number, c.xid)));
        self.applied.retain(|_, xid| *xid >= xmin);
        self.xmin = xmin;
        if !users.is_empty() || !nodes.is_empty() {
            (self.changed)(&users, &nodes);
        }
        Ok(())
    }
}

fn of_kind<'a>(log: &'a [&'a ChangeRow], kind: &'a str) -> impl Iterator<Item = i64> + 'a {
    log.iter().filter(move |c| c.kind == kind).map(|c| c.entity)
}

/// Remembers who waits; gives whether everything is to be compared.
fn take(wish: Wish, waiting: &mut Vec<oneshot::Sender<()>>) -> bool {
    match wish {
        Wish::CatchUp(done) => {
            waiting.push(done);
            false
        }
        Wish::Reconcile(done) => {
            waiting.push(done);
            true
        }
    }
}
