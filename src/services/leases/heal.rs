//! Keeps the shared leases true: notices that Redis went away, came back or was emptied, and seeds it from this instance's
//! table again.
use super::{
    Inner,
    shared::{Shared, lease_time},
};
use crate::{
    admission::concurrency::Holding,
    cache::{self, keys::LeaseSpace, leases::Seen},
    clock,
    models::NodeNo,
};
use anyhow::anyhow;
use chrono::TimeDelta;
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// How often Redis is looked after; while the start gate is shut, how often it is asked who was heard.
const EVERY: Duration = Duration::from_secs(1);
const EVERY_AT_START: Duration = Duration::from_millis(100);
/// How long other instances have to notice a new epoch and to say what they hold.
const SETTLES: Duration = Duration::from_millis(1500);
/// How long ago a node may have been read to still count as this instance's.
const READ: TimeDelta = TimeDelta::seconds(120);

/// Runs until the leases end.
pub(super) async fn keep(inner: Arc<Inner>) {
    let Some(shared) = &inner.shared else { return };
    loop {
        let pause = if inner.gate.is_open() {
            EVERY
        } else {
            EVERY_AT_START
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.hurry.notified() => {}
        }
        if let Err(err) = once(&inner).await {
            tracing::error!(error = %err, "leases are not shared");
        }
        let now = inner.clock.now();
        inner.table.prune(now - READ, now);
    }
}

/// One look. Fails only when Redis holds the leases of another installation: then this instance decides alone.
pub(super) async fn once(inner: &Inner) -> anyhow::Result<()> {
    let Some(shared) = &inner.shared else {
        return Ok(());
    };
    let epoch = match current_epoch(inner, shared).await {
        Ok(epoch) => epoch,
        Err(err) => {
            shared.set_down(&err);
            return Ok(());
        }
    };
    if epoch.split(':').next() != Some(&*shared.space) {
        let err = anyhow!(
            "the Redis at redis.url holds the leases of another installation: give this one a Redis, or a database number in it, of its own"
        );
        shared.set_down(&err);
        return Err(err);
    }
    if let Err(err) = enter(inner, shared, &epoch).await {
        shared.set_down(&err);
    }
    Ok(())
}

/// The epoch that Redis has; begins one where it has none.
async fn current_epoch(inner: &Inner, shared: &Shared) -> cache::Result<String> {
    if let Some(epoch) = shared.cache.get(&LeaseSpace).await? {
        return Ok(epoch);
    }
    let fresh = u64::from_be_bytes(clock::random(&*inner.clock));
    let fresh = format!("{}:{fresh:016x}", shared.space);
    shared.cache.set_if_absent(&LeaseSpace, &fresh).await?;
    Ok(shared.cache.get(&LeaseSpace).await?.unwrap_or(fresh))
}

/// Seeds Redis where that is needed and opens the gate for the nodes that anybody has counted.
async fn enter(inner: &Inner, shared: &Shared, epoch: &str) -> cache::Result<()> {
    let first = shared.state().epoch.is_empty();
    let flushed = !first && (shared.state().epoch != epoch || shared.state().lost);
    if flushed || !shared.is_up() {
        if flushed {
            tracing::warn!("redis lost the leases: seeding it again");
            let mut state = shared.state();
            inner.gate.shut();
            epoch.clone_into(&mut state.epoch);
            state.lost = false;
            state.settles_at = Some(Instant::now() + SETTLES);
        } else {
            epoch.clone_into(&mut shared.state().epoch);
        }
        seed(inner, shared).await?;
        shared.set_up();
        if flushed {
            for node in read_here(inner, shared) {
                inner.heard(node).await;
            }
        }
    }
    let settled = shared
        .state()
        .settles_at
        .is_none_or(|at| at <= Instant::now());
    if settled && !inner.gate.is_open() {
        for node in shared.cache.seeded(epoch).await? {
            inner.gate.heard(NodeNo(node));
        }
    }
    Ok(())
}

/// Says what this instance holds.
async fn seed(inner: &Inner, shared: &Shared) -> cache::Result<()> {
    let read: HashSet<NodeNo> = read_here(inner, shared).into_iter().collect();
    let fresh = inner.clock.now().timestamp_micros() + lease_time();
    let holdings = inner.table.holdings();
    let seen: Vec<Seen<'_>> = holdings
        .iter()
        .map(|h| seen(h, fresh, read.contains(&h.node)))
        .collect();
    shared.cache.confirm_leases(&seen).await?;
    Ok(())
}

fn seen(holding: &Holding, fresh: i64, read_here: bool) -> Seen<'_> {
    let since = holding.since.timestamp_micros();
    Seen {
        user: holding.held.user.0,
        device: holding.held.device.0,
        node: holding.node.0,
        id: &holding.held.id,
        addr: holding.addr.map(|a| a.0),
        since,
        // On a node that another instance reads, only that one can confirm it.
        until: if read_here {
            fresh
        } else {
            since + lease_time()
        },
        kick_pending: holding.kick_pending,
    }
}

/// The nodes that this instance has read lately.
fn read_here(inner: &Inner, shared: &Shared) -> Vec<NodeNo> {
    let now = inner.clock.now();
    let state = shared.state();
    let lately = state.read.iter().filter(|(_, (at, _))| now - *at < READ);
    lately.map(|(node, _)| *node).collect()
}
