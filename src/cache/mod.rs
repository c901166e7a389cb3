//! The only room that speaks Redis. Nothing in Redis is the only copy of anything: each use says what happens without.
//!
//! `keys` names every key with the type of its value and its lifetime, `fanout` speaks from instance to instance, `leases` shares the leases of connections, `limits` how
//! often somebody may try.
pub mod fanout;
pub mod keys;
pub mod leases;
pub mod limits;

use anyhow::Context;
use keys::Key;
use redis::{
    Client, FromRedisValue, Pipeline, RedisError, Script, ServerErrorKind, SetExpiry, SetOptions,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use std::{sync::Arc, time::Duration};

/// Why Redis did not do as asked.
pub type Error = RedisError;

/// The room's result.
pub type Result<T> = std::result::Result<T, Error>;

/// How long an answer may take. Every use has another way, so waiting longer than a login notices is no help.
const RESPONSE: Duration = Duration::from_millis(400);
/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(1);

/// Redis, through one connection that mends itself. Clones share it.
#[derive(Clone)]
pub struct Cache {
    client: Client,
    link: ConnectionManager,
    prefix: Arc<str>,
}

impl Cache {
    /// Names the server; the first use connects. The connection is driven by the runtime that calls this, which must be the
    /// main one. All keys start with `prefix`.
    pub fn open(url: &str, prefix: &str) -> anyhow::Result<Self> {
        Self::answering_within(RESPONSE, url, prefix)
    }

    /// The same for who can wait: a command that takes longer than this counts as Redis being away.
    pub fn answering_within(response: Duration, url: &str, prefix: &str) -> anyhow::Result<Self> {
        let client = Client::open(url).context("redis.url is not a Redis URL")?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(response))
            .set_connection_timeout(Some(CONNECT))
            .set_number_of_retries(1)
            .set_pipeline_buffer_size(1024);
        Ok(Self {
            link: ConnectionManager::new_lazy_with_config(client.clone(), config)?,
            client,
            prefix: prefix.into(),
        })
    }

    /// The value under a key.
    pub async fn get<K: Key>(&self, key: &K) -> Result<Option<K::Value>> {
        let mut link = self.link.clone();
        let mut get = redis::cmd("GET");
        get.arg(self.name(key)).query_async(&mut link).await
    }

    /// Writes a value where there is none. True: it is ours now.
    pub async fn set_if_absent<K: Key>(&self, key: &K, value: &K::Value) -> Result<bool> {
        let mut options = SetOptions::default().conditional_set(redis::ExistenceCheck::NX);
        if let Some(ttl) = K::TTL {
            options = options.with_expiration(SetExpiry::PX(millis(ttl)));
        }
        let mut link = self.link.clone();
        let mut set = redis::cmd("SET");
        set.arg(self.name(key)).arg(value).arg(options);
        let answer: Option<String> = set.query_async(&mut link).await?;
        Ok(answer.is_some())
    }

    /// Removes a key.
    pub async fn delete(&self, key: &impl Key) -> Result<()> {
        let mut link = self.link.clone();
        let mut del = redis::cmd("DEL");
        del.arg(self.name(key)).query_async(&mut link).await
    }

    /// Writes a value, whatever stands there.
    pub async fn put<K: Key>(&self, key: &K, value: &K::Value) -> Result<()> {
        let mut options = SetOptions::default();
        if let Some(ttl) = K::TTL {
            options = options.with_expiration(SetExpiry::PX(millis(ttl)));
        }
        let mut link = self.link.clone();
        let mut set = redis::cmd("SET");
        set.arg(self.name(key)).arg(value).arg(options);
        set.query_async(&mut link).await
    }

    /// Takes the value under a key away, and gives it: of many who ask one gets it.
    pub async fn take<K: Key>(&self, key: &K) -> Result<Option<K::Value>> {
        let mut link = self.link.clone();
        let mut take = redis::cmd("GETDEL");
        take.arg(self.name(key)).query_async(&mut link).await
    }

    fn name(&self, key: &impl Key) -> String {
        format!("{}{}", self.prefix, key.name())
    }

    /// Runs a pipeline that uses `script`; loads the script where the server does not have it (any more).
    async fn run<T: FromRedisValue>(&self, pipeline: &Pipeline, script: &Script) -> Result<T> {
        let mut link = self.link.clone();
        match pipeline.query_async(&mut link).await {
            Err(err) if is_unknown_script(&err) => {
                script.load_async(&mut link).await?;
                pipeline.query_async(&mut link).await
            }
            other => other,
        }
    }
}

fn is_unknown_script(err: &RedisError) -> bool {
    err.kind() == redis::ErrorKind::Server(ServerErrorKind::NoScript)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
