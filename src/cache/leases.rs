//! The leases of connections, shared by all instances. One script decides over one user's hash, so that parallel logins of
//! a user on any instances are decided one after another.
use super::{
    Cache, Result,
    keys::{Key, LeaseSpace, NodeNews, Seeded, UNCONFIRMED, UserLeases},
};
use redis::{Pipeline, Script};
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};

static TAKE: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/take_lease.lua")));
static CONFIRM: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/confirm_leases.lua")));

/// A claim in plain numbers; times in microseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    pub user: i64,
    pub device: i64,
    pub node: i64,
    pub id: &'a str,
    pub addr: Option<u64>,
    pub max_connections: u16,
    pub refuse: bool,
    pub online_limit: Option<u32>,
    pub now: i64,
    /// For how long displacements count and newcomers are refused.
    pub brake: i64,
    /// Displacements allowed in that time.
    pub displacements: usize,
    /// The lease space, with its epoch, in which the caller knows that everybody online was counted.
    pub space: &'a str,
    /// Whether nothing is to be decided where another space stands, or none.
    pub bound: bool,
}

/// A connection to be confirmed, or marked.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    pub user: i64,
    pub device: i64,
    pub node: i64,
    pub id: &'a str,
    pub addr: Option<u64>,
    pub since: i64,
    /// When the lease ends unless somebody confirms it.
    pub until: i64,
    /// It counts nowhere any more.
    pub kick_pending: bool,
}

/// What the script decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Another space stands there and the claim is bound to its own: nothing was decided or changed.
    Nothing,
    /// Leased; these (node, id) wait for their kick.
    Leased(Vec<(i64, String)>),
    DeviceLimit,
    DeviceConcurrency {
        braked_now: bool,
    },
}

impl Cache {
    /// Decides a claim. True: in its own space; a Redis that was emptied since decides by an empty hash.
    pub async fn take_lease(&self, claim: Claim<'_>) -> Result<(bool, Decided)> {
        let mut pipeline = Pipeline::new();
        pipeline
            .cmd("EVALSHA")
            .arg(TAKE.get_hash())
            .arg(2)
            .arg(self.name(&UserLeases(claim.user)))
            .arg(self.name(&LeaseSpace))
            .arg(claim.now)
            .arg(claim.id)
            .arg(claim.device)
            .arg(claim.node)
            .arg(address(claim.addr))
            .arg(claim.max_connections.max(1))
            .arg(u8::from(claim.refuse))
            .arg(
                claim
                    .online_limit
                    .map(|l| l.to_string())
                    .unwrap_or_default(),
            )
            .arg(micros(UNCONFIRMED))
            .arg(claim.brake)
            .arg(claim.displacements)
            .arg(claim.space)
            .arg(u8::from(claim.bound));
        let (answer,): (Vec<String>,) = self.run(&pipeline, &TAKE).await?;
        let mut words = answer.into_iter();
        let here = words.next().as_deref() == Some("here");
        let decided = match words.next().as_deref() {
            Some("nothing") => Decided::Nothing,
            Some("device_limit") => Decided::DeviceLimit,
            Some("device_concurrency") => Decided::DeviceConcurrency {
                braked_now: words.next().is_some(),
            },
            _ => {
                let mut displaced = Vec::new();
                while let (Some(node), Some(id)) = (words.next(), words.next()) {
                    displaced.push((node.parse().unwrap_or_default(), id));
                }
                Decided::Leased(displaced)
            }
        };
        Ok((here, decided))
    }

    /// Each of these holds or regains its lease, or is marked. Returns the ids among them that wait for their kick.
    pub async fn confirm_leases(&self, seen: &[Seen<'_>]) -> Result<Vec<String>> {
        let mut pending = Vec::new();
        for chunk in seen.chunks(512) {
            let mut pipeline = Pipeline::with_capacity(chunk.len());
            for (user, of_user) in by_user(chunk) {
                let command = pipeline.cmd("EVALSHA").arg(CONFIRM.get_hash()).arg(1);
                command
                    .arg(self.name(&UserLeases(user)))
                    .arg(micros(UNCONFIRMED) / 1000);
                for one in of_user {
                    command
                        .arg(if one.kick_pending { "k" } else { "l" })
                        .arg(one.id)
                        .arg(one.device)
                        .arg(one.node)
                        .arg(one.since)
                        .arg(one.until)
                        .arg(address(one.addr));
                }
            }
            let answers: Vec<Vec<String>> = self.run(&pipeline, &CONFIRM).await?;
            pending.extend(answers.into_iter().flatten());
        }
        Ok(pending)
    }

    /// These leases ended.
    pub async fn end_leases(&self, ended: &[(i64, &str)]) -> Result<()> {
        for chunk in ended.chunks(1024) {
            let mut pipeline = Pipeline::with_capacity(chunk.len());
            for (user, id) in chunk {
                pipeline.hdel(self.name(&UserLeases(*user)), *id).ignore();
            }
            let () = pipeline.query_async(&mut self.link.clone()).await?;
        }
        Ok(())
    }

    /// Whether each of these (user, id) waits for its kick.
    pub async fn kicks_pending(&self, ids: &[(i64, &str)]) -> Result<Vec<bool>> {
        let mut pipeline = Pipeline::with_capacity(ids.len());
        for (user, id) in ids {
            pipeline.hget(self.name(&UserLeases(*user)), *id);
        }
        let values: Vec<Option<String>> = pipeline.query_async(&mut self.link.clone()).await?;
        let pending = |value: Option<String>| value.is_some_and(|v| v.starts_with('k'));
        Ok(values.into_iter().map(pending).collect())
    }

    /// Tells the reader of each node what happened there. News that nobody reads go with their key.
    pub async fn tell_nodes(&self, news: &[(i64, String)]) -> Result<()> {
        let mut pipeline = Pipeline::with_capacity(news.len() * 2);
        for (node, line) in news {
            let key = self.name(&NodeNews(*node));
            pipeline.rpush(&key, line).ignore();
            pipeline.pexpire(&key, micros(UNCONFIRMED) / 1000).ignore();
        }
        pipeline.query_async(&mut self.link.clone()).await
    }

    /// Takes up to `max` of a node's news.
    pub async fn take_news(&self, node: i64, max: usize) -> Result<Vec<String>> {
        let mut pop = redis::cmd("LPOP");
        pop.arg(self.name(&NodeNews(node))).arg(max);
        let news: Option<Vec<String>> = pop.query_async(&mut self.link.clone()).await?;
        Ok(news.unwrap_or_default())
    }

    /// This node's connections have been counted in this epoch.
    pub async fn mark_seeded(&self, epoch: &str, node: i64) -> Result<()> {
        let key = Seeded(epoch);
        let lifetime = Seeded::TTL.map_or(0, |ttl| micros(ttl) / 1000);
        let mut pipeline = Pipeline::new();
        pipeline.sadd(self.name(&key), node).ignore();
        pipeline.pexpire(self.name(&key), lifetime).ignore();
        pipeline.query_async(&mut self.link.clone()).await
    }

    /// The nodes whose connections have been counted in this epoch.
    pub async fn seeded(&self, epoch: &str) -> Result<Vec<i64>> {
        let mut members = redis::cmd("SMEMBERS");
        members.arg(self.name(&Seeded(epoch)));
        members.query_async(&mut self.link.clone()).await
    }
}

/// Groups by user, keeping the order of first appearance out of it: order between users does not matter.
fn by_user<'a, 'b>(seen: &'a [Seen<'b>]) -> BTreeMap<i64, Vec<&'a Seen<'b>>> {
    let mut users = BTreeMap::<_, Vec<_>>::new();
    for one in seen {
        users.entry(one.user).or_default().push(one);
    }
    users
}

fn address(addr: Option<u64>) -> String {
    addr.map_or_else(|| "-".into(), |a| a.to_string())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
