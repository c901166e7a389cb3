//! One loop a node whose lease is held: a slow node costs nobody else's turn.
use crate::{
    models::NodeNo,
    services::{
        accounting::{Context, End, Lease, Leasing, Reader, Source, Sources},
        enforcement::Hurry,
        rounds::Rounds,
    },
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

/// Between two rounds of leasing; three of them fit into a lease.
const ROUND: Duration = Duration::from_secs(2);

/// What the poller works with.
pub struct Poller {
    pub context: Context,
    pub leasing: Leasing,
    pub sources: Sources,
    pub hurry: Arc<Hurry>,
    pub rounds: Rounds,
}

/// A running loop.
struct Loop {
    lease: Lease,
    source: watch::Sender<Source>,
    stop: CancellationToken,
}

impl Poller {
    /// Leases nodes and reads them until `stop`, then gives the leases back.
    pub async fn run(self, stop: CancellationToken) {
        let mut loops: HashMap<NodeNo, Loop> = HashMap::new();
        let mut tasks = JoinSet::new();
        if stop.run_until_cancelled(self.begin()).await.is_none() {
            return;
        }
        loop {
            let done = self.round(&mut loops, &mut tasks).await;
            self.rounds.note("poller", ROUND, &done);
            if let Err(error) = done {
                tracing::warn!(%error, "a round of leasing failed");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(ROUND) => {}
                Some(ended) = tasks.join_next() => note_end(&mut loops, ended),
            }
        }
        for running in loops.values() {
            running.stop.cancel();
        }
        while tasks.join_next().await.is_some() {}
        if let Err(error) = self.leasing.release().await {
            tracing::warn!(%error, "leases run out by themselves");
        }
    }

    /// Answers of clean-ups that a crash interrupted come before any read; and nobody is judged by a directory that does
    /// not know them yet.
    async fn begin(&self) {
        while let Err(error) = self.context.accounting.recover_clean_ups().await {
            tracing::warn!(%error, "interrupted clean-ups wait");
            sleep(ROUND).await;
        }
        while !self.context.keeper.wait_filled(ROUND).await {}
    }

    async fn round(
        &self,
        loops: &mut HashMap<NodeNo, Loop>,
        tasks: &mut JoinSet<(NodeNo, Option<End>)>,
    ) -> crate::error::Result<()> {
        let leases = self.leasing.run_once().await?;
        loops.retain(|node, running| {
            let held = leases
                .iter()
                .any(|l| l.node == *node && *l == running.lease);
            if !held {
                running.stop.cancel();
            }
            held
        });
        let nodes: Vec<NodeNo> = leases.iter().map(|l| l.node).collect();
        for source in self.sources.list(&nodes).await? {
            let Some(lease) = leases.iter().find(|l| l.node == source.number) else {
                continue;
            };
            if let Some(running) = loops.get(&source.number) {
                running.source.send_if_modified(|known| {
                    let changed = known.version != source.version;
                    if changed {
                        *known = source;
                    }
                    changed
                });
                continue;
            }
            let client = match self.sources.client(&source) {
                Ok(client) => client,
                Err(error) => {
                    tracing::error!(node = source.name, %error, "the node cannot be asked");
                    continue;
                }
            };
            let number = source.number;
            let (sender, changes) = watch::channel(source.clone());
            let running = Loop {
                lease: *lease,
                source: sender,
                stop: CancellationToken::new(),
            };
            let stop = running.stop.clone();
            let reader = Reader::new(self.context.clone(), source, client, *lease, stop.clone());
            let (bell, sources) = (self.hurry.bell(number), self.sources.clone());
            tasks.spawn(follow(reader, sources, changes, bell, stop));
            loops.insert(number, running);
        }
        Ok(())
    }
}

/// Reads one node until its lease is gone.
async fn follow(
    mut reader: Reader,
    sources: Sources,
    mut changes: watch::Receiver<Source>,
    bell: Arc<Notify>,
    stop: CancellationToken,
) -> (NodeNo, Option<End>) {
    let node = reader.lease().node;
    loop {
        let outcome = reader.run_once().await;
        if outcome.end.is_some() {
            return (node, outcome.end);
        }
        tokio::select! {
            () = stop.cancelled() => return (node, None),
            () = sleep(outcome.next) => {}
            () = bell.notified() => {}
            Ok(()) = changes.changed() => {
                let source = changes.borrow_and_update().clone();
                match sources.client(&source) {
                    Ok(client) => reader.change(source, client),
                    Err(error) => tracing::error!(node = source.name, %error, "the node cannot be asked"),
                }
            }
        }
    }
}

fn note_end(
    loops: &mut HashMap<NodeNo, Loop>,
    ended: Result<(NodeNo, Option<End>), tokio::task::JoinError>,
) {
    match ended {
        // an older loop of this node may end after its successor has begun
        Ok((node, Some(_))) => {
            loops.remove(&node);
        }
        Ok((_, None)) => {}
        Err(error) => {
            tracing::error!(%error, "a node's loop died and is started again");
            loops.clear();
        }
    }
}
