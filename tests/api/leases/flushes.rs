//! A Redis that is emptied, or becomes another's, while logins go on.
use super::world::{World, capped, displacing, leased, pair, patient};
use crate::support::{redis::RedisServer, until};
use ::redis::{
    AsyncCommands, AsyncConnectionConfig, FromRedisValue, aio::MultiplexedConnection, cmd,
};
use hywarden::{
    admission::concurrency::{Claim, Taken},
    models::{DeviceNo, NodeNo},
};
use std::sync::Arc;
use tokio::task::JoinSet;

async fn link(server: &RedisServer) -> MultiplexedConnection {
    let client = ::redis::Client::open(server.url()).unwrap();
    // It waits as long as the test makes Redis wait.
    let patient = AsyncConnectionConfig::new().set_response_timeout(None);
    let link = client.get_multiplexed_async_connection_with_config(&patient);
    link.await.unwrap()
}

async fn flush(server: &RedisServer) {
    let () = cmd("FLUSHALL")
        .query_async(&mut link(server).await)
        .await
        .unwrap();
}

/// Three devices of a user who may have three online, as the reader of their node knows them.
async fn three_online(worlds: &[World; 2]) {
    let [reader, other] = worlds;
    reader.leases.expect(&[NodeNo(1)]);
    other.leases.expect(&[NodeNo(1)]);
    let mut online: Vec<Claim> = (0..3).map(|device| capped(reader, device, 3)).collect();
    online[2].device = DeviceNo(7);
    reader.lists(1, &[]).await;
    for (n, claim) in online.iter().enumerate() {
        assert_eq!(worlds[n % 2].take(claim).await, leased());
    }
    reader.lists(1, &online.iter().collect::<Vec<_>>()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_under_load_heals() {
    let server = RedisServer::start().await;
    let worlds = Arc::new(pair(&server.url(), "").await);
    let [reader, other] = &*worlds;
    three_online(&worlds).await;
    // Logins of other devices keep coming, on both, while Redis is emptied twice.
    let mut load = JoinSet::new();
    for device in 100..140 {
        let worlds = worlds.clone();
        load.spawn(async move {
            let mut answers = Vec::new();
            for round in 0..20 {
                let world = &worlds[(device + round) as usize % 2];
                let claim = capped(world, device, 3);
                answers.push(world.leases.take(&claim, patient()).await);
            }
            answers
        });
    }
    flush(&server).await;
    until(async || reader.take(&capped(reader, 99, 3)).await == Taken::DeviceLimit).await;
    flush(&server).await;
    for answers in load.join_all().await {
        assert!(
            answers.iter().all(|t| *t == Taken::DeviceLimit),
            "{answers:?}"
        );
    }
    // Known devices still reconnect, and everything ends as it should.
    assert_eq!(other.take(&capped(other, 7, 3)).await, displacing(&[1]));
    reader.lists(1, &[]).await;
    reader.lists(1, &[]).await;
    assert_eq!(other.take(&capped(other, 8, 3)).await, leased());
}

/// Redis is emptied after a login was let through to it and before it decides, and once more when the login comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_between_the_gate_and_the_decision_admits_nobody() {
    let server = RedisServer::start().await;
    let mut redis = link(&server).await;
    let worlds = pair(&server.url(), "").await;
    three_online(&worlds).await;
    let [_reader, other] = worlds;
    let leases = other.leases.clone();
    let fourth = capped(&other, 99, 3);
    let mut go = Some(async move { leases.take(&fourth, patient()).await });
    let mut login = None;
    for _ in 0..2 {
        until(async || seeded(&mut redis.clone()).await).await;
        // Who wants to write stands in line from here on: first the flush, then the decision.
        let () = client(&["PAUSE", "60000", "WRITE"], &mut redis).await;
        let mut third_party = link(&server).await;
        let flushed =
            tokio::spawn(async move { cmd("FLUSHALL").exec_async(&mut third_party).await });
        until(async || in_line(&mut redis.clone(), "flushall").await).await;
        let login = login.get_or_insert_with(|| tokio::spawn(go.take().unwrap()));
        until(async || in_line(&mut redis.clone(), "evalsha").await || login.is_finished()).await;
        let () = client(&["UNPAUSE"], &mut redis).await;
        flushed.await.unwrap().unwrap();
    }
    assert_eq!(login.unwrap().await.unwrap(), Taken::DeviceLimit);
}

async fn client<T: FromRedisValue>(words: &[&str], redis: &mut MultiplexedConnection) -> T {
    cmd("CLIENT").arg(words).query_async(redis).await.unwrap()
}

/// Whether a client waits with this command.
async fn in_line(redis: &mut MultiplexedConnection, command: &str) -> bool {
    let clients: String = client(&["LIST"], redis).await;
    let has = |line: &str, name: &str, wanted: &dyn Fn(&str) -> bool| {
        let mut words = line.split(' ');
        words.any(|word| word.strip_prefix(name).is_some_and(wanted))
    };
    clients.lines().any(|line| {
        has(line, "flags=", &|flags| flags.contains('b')) && has(line, "cmd=", &|c| c == command)
    })
}

/// Whether the node was counted since Redis was emptied.
async fn seeded(redis: &mut MultiplexedConnection) -> bool {
    let epoch: Option<String> = redis.get("lease-space").await.unwrap();
    let counted = format!("lease-seeded:{}", epoch.unwrap_or_default());
    redis.sismember(counted, 1).await.unwrap()
}

/// The name behind `redis.url` leads to another installation's Redis while the program runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anothers_redis_is_left_alone() {
    let server = RedisServer::start().await;
    let mut redis = link(&server).await;
    let worlds = pair(&server.url(), "").await;
    three_online(&worlds).await;
    let [reader, other] = worlds;
    let ours: String = redis.get("lease-space").await.unwrap();
    flush(&server).await;
    let () = redis.set("lease-space", "another:1").await.unwrap();
    until(async || {
        [&reader, &other]
            .iter()
            .all(|w| w.leases.redis_up() == Some(false))
    })
    .await;
    assert_eq!(
        reader.take(&capped(&reader, 8, 3)).await,
        Taken::DeviceLimit,
        "by its own memory"
    );
    assert_eq!(reader.take(&capped(&reader, 7, 3)).await, displacing(&[1]));
    reader.lists(1, &[]).await;
    let keys: Vec<String> = redis.keys("*").await.unwrap();
    assert_eq!(keys, ["lease-space"], "nothing of ours");
    let () = redis.set("lease-space", ours).await.unwrap();
    until(async || reader.leases.redis_up() == Some(true)).await;
}
