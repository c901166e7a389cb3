//! How often, and soft locks, shared by all instances.
use super::{
    Cache, Result,
    keys::{Arrivals, Key, SoftLock},
};
use redis::{Pipeline, Script};
use std::sync::LazyLock;

static LIMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/limit.lua")));
static LOCK: LazyLock<Script> =
    LazyLock::new(|| Script::new(include_str!("scripts/soft_lock.lua")));

impl Cache {
    /// Takes one of `burst`, which come back one an `interval`, or gives one back; times in microseconds. When it was
    /// not let through: in how many it would be.
    pub async fn limit(
        &self,
        key: &Arrivals<'_>,
        now: i64,
        interval: i64,
        burst: u32,
        give_back: bool,
    ) -> Result<Option<i64>> {
        let mut pipeline = Pipeline::new();
        pipeline
            .cmd("EVALSHA")
            .arg(LIMIT.get_hash())
            .arg(1)
            .arg(self.name(key))
            .arg(now)
            .arg(interval)
            .arg(burst)
            .arg(if give_back { -1 } else { 1 });
        let ((through, wait),): ((u8, i64),) = self.run(&pipeline, &LIMIT).await?;
        Ok((through == 0).then_some(wait))
    }

    /// Until when (milliseconds) this is locked.
    pub async fn locked_until(&self, key: &SoftLock) -> Result<i64> {
        let text = self.get(key).await?;
        let until = text.and_then(|t| t.split(' ').next()?.parse().ok());
        Ok(until.unwrap_or(0))
    }

    /// One more failure; `locks`: for how many milliseconds the first, the second … locks.
    pub async fn lock_more(&self, key: &SoftLock, now: i64, locks: &[i64]) -> Result<()> {
        let mut pipeline = Pipeline::new();
        let command = pipeline.cmd("EVALSHA");
        command
            .arg(LOCK.get_hash())
            .arg(1)
            .arg(self.name(key))
            .arg(now)
            .arg(SoftLock::TTL.map_or(0, super::millis));
        for lock in locks {
            command.arg(lock);
        }
        let (_,): (u8,) = self.run(&pipeline, &LOCK).await?;
        Ok(())
    }

    /// The failures are forgotten.
    pub async fn unlock(&self, key: &SoftLock) -> Result<()> {
        self.delete(key).await
    }
}
