//! A look at a node's stats API, for people: it changes nothing and credits nothing.
use super::{Nodes, found};
use crate::{
    error::Result,
    hysteria::stats::{Limits, StatsClient, StatsError},
    models::Named,
};
use anyhow::Context;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use std::time::{Duration, Instant};
use url::Url;

/// What it saw.
#[derive(Clone, Debug, Default)]
pub struct Test {
    /// Why it saw nothing.
    pub error: Option<String>,
    /// Ids that the server counts for.
    pub entries: Option<u64>,
    /// Bytes of the answer.
    pub bytes: Option<u64>,
    /// Connections that are open.
    pub online: Option<u64>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// First use of the present hook secret after a rotation.
    pub secret_used_at: Option<DateTime<Utc>>,
    /// How far the server's clock is ahead, in seconds, as its answer's `Date` says.
    pub clock_ahead: Option<i64>,
}

impl Nodes {
    /// Reads the counters of a server that no loop reads yet.
    pub(super) async fn first_look(&self, url: Url, secret: SecretString) -> Test {
        self.look(url, secret, true).await
    }

    /// Looks at a node. Its counters are read by its one loop, which is hurried: this asks who is online, and says what
    /// the last read held.
    pub async fn test(&self, which: &Named) -> Result<Test> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, which).await?;
        drop(conn);
        let node = &detail.node;
        let url = Url::parse(&node.stats_url).context("a stored stats URL")?;
        let secret = self.open(node, "stats_secret_sealed", &node.stats_secret_sealed)?;
        self.hurry.node(node.number);
        let mut test = self.look(url, secret, false).await;
        test.secret_used_at = node.hook_secret_used_at;
        test.entries = detail
            .reading
            .filter(|r| r.read_at.is_some())
            .and_then(|r| u64::try_from(r.entries).ok());
        Ok(test)
    }

    async fn look(&self, url: Url, secret: SecretString, counters: bool) -> Test {
        let limits = Limits {
            silence: Duration::from_secs(3),
            whole: Duration::from_secs(10),
            ..Limits::default()
        };
        let client = self.dialer.node(url, secret).within(limits);
        let started = Instant::now();
        let mut test = Test::default();
        let now = self.store.clock.now();
        if let Err(error) = see(&client, counters, now, &mut test).await {
            test.error = Some(error.to_string());
        }
        test.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        test
    }
}

async fn see(
    client: &StatsClient,
    counters: bool,
    now: DateTime<Utc>,
    test: &mut Test,
) -> Result<(), StatsError> {
    test.clock_ahead = client.check().await?.map(|at| (at - now).num_seconds());
    let online = client.online().await?;
    test.online = Some(online.values().map(|n| u64::from(*n)).sum());
    if counters {
        let size = client.traffic(|_| {}).await?;
        test.entries = Some(size.entries);
        test.bytes = Some(size.bytes);
    }
    Ok(())
}
