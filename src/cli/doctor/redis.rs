//! Redis, where one is set.
use super::finding::Finding;
use crate::config::Settings;
use ::redis::{Client, aio::ConnectionLike, cmd};
use secrecy::ExposeSecret;
use std::time::Duration;
use tokio::time::timeout;

/// Asks for its version.
pub async fn look(settings: &Settings) -> Finding {
    const CHECK: &str = "redis";
    let Some(url) = &settings.redis.url else {
        return Finding::pass(CHECK, "not set: one instance, its leases are in its memory");
    };
    match timeout(Duration::from_secs(5), version(url.expose_secret())).await {
        Ok(Ok(version)) => Finding::pass(CHECK, format!("answers, version {version}")),
        Ok(Err(why)) => Finding::fail(CHECK, why.to_string()),
        Err(_) => Finding::fail(CHECK, "no answer within 5 s"),
    }
}

async fn version(url: &str) -> ::redis::RedisResult<String> {
    let mut link = Client::open(url)?
        .get_multiplexed_async_connection()
        .await?;
    let answer = link.req_packed_command(cmd("INFO").arg("server")).await?;
    let text: String = ::redis::from_redis_value(answer)?;
    Ok(text
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"))
        .unwrap_or("unknown")
        .trim()
        .to_owned())
}
