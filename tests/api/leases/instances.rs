//! What only several instances or a dead Redis can show.
use super::world::{SPACE, Store, World, capped, clock, displacing, leased, pair, patient};
use crate::support::{
    redis::{self, RedisServer},
    until,
};
use chrono::TimeDelta;
use hywarden::{
    admission::concurrency::{Claim, Taken},
    cache::Cache,
    models::{NodeNo, OnConflict},
    services::leases::Leases,
};
use tokio::task::JoinSet;

async fn at_once(worlds: &[World; 2], claims: Vec<Claim>) -> Vec<Taken> {
    let mut logins = JoinSet::new();
    for (n, claim) in claims.into_iter().enumerate() {
        let leases = worlds[n % 2].leases.clone();
        logins.spawn(async move { leases.take(&claim, patient()).await });
    }
    logins.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cap_of_three_under_50_logins_on_two_instances_is_three() {
    let (url, prefix) = redis::shared().await;
    let worlds = pair(&url, &prefix).await;
    let claims = (0..50)
        .map(|device| capped(&worlds[0], device, 3))
        .collect();
    let answers = at_once(&worlds, claims).await;
    assert_eq!(answers.iter().filter(|t| **t == leased()).count(), 3);
    assert_eq!(
        answers.iter().filter(|t| **t == Taken::DeviceLimit).count(),
        47
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reader_of_a_node_learns_what_the_other_instance_admitted_and_displaced() {
    let (url, prefix) = redis::shared().await;
    let [reader, other] = pair(&url, &prefix).await;
    let (old, ghost) = (reader.login(1, 1), other.login(2, 1));
    assert_eq!(other.take(&ghost).await, leased());
    assert_eq!(reader.take(&old).await, leased());
    let new = other.login(1, 1);
    assert_eq!(other.take(&new).await, displacing(&[1]));
    assert!(reader.kick_pending(&old).await, "wherever it was decided");
    // The other instance tells its news beside the answer.
    until(async || reader.lists(1, &[&old, &new, &ghost]).await.kick == [old.id.clone()]).await;
    reader.lists(1, &[&new]).await;
    assert_eq!(
        reader.lists(1, &[&new]).await.ended.len(),
        2,
        "the ghost is the reader's to end"
    );
    let again = other
        .take(&Claim {
            on_conflict: OnConflict::Refuse,
            ..other.login(2, 1)
        })
        .await;
    assert_eq!(again, leased());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_word_is_learned_when_the_listed_are_confirmed() {
    let (url, prefix) = redis::shared().await;
    let [reader, other] = pair(&url, &prefix).await;
    let (old, new) = (other.login(1, 1), other.login(1, 1));
    other.take(&old).await;
    other.take(&new).await;
    let third = pair(&url, &prefix).await;
    // Somebody else took the news, as a reader does that then dies.
    until(async || {
        let news = Cache::open(&url, &prefix).unwrap();
        news.take_news(1, 100)
            .await
            .unwrap()
            .iter()
            .any(|line| line.starts_with('k'))
    })
    .await;
    drop(third);
    assert_eq!(
        reader.lists(1, &[&old, &new]).await.kick,
        std::slice::from_ref(&old.id)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_finds_its_leases_and_does_not_wait() {
    let (url, prefix) = redis::shared().await;
    let [first, second] = pair(&url, &prefix).await;
    first.leases.expect(&[NodeNo(1)]);
    first.lists(1, &[]).await;
    assert_eq!(first.take(&capped(&first, 1, 1)).await, leased());
    drop((first, second));
    let [again, _] = pair(&url, &prefix).await;
    again.leases.expect(&[NodeNo(1)]);
    assert_eq!(again.take(&capped(&again, 2, 1)).await, Taken::DeviceLimit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_each_instance_decides_alone_and_seeds_it_again() {
    let mut server = RedisServer::start().await;
    let [one, other] = pair(&server.url(), "").await;
    assert_eq!(one.take(&capped(&one, 1, 1)).await, leased());
    server.kill();
    assert_eq!(
        one.take(&capped(&one, 2, 1)).await,
        Taken::DeviceLimit,
        "it remembers what it admitted"
    );
    assert_eq!(one.leases.redis_up(), Some(false));
    assert_eq!(
        other.take(&capped(&other, 3, 1)).await,
        leased(),
        "and cannot know what others did"
    );
    assert_eq!(other.leases.redis_up(), Some(false));
    server.start_again().await;
    until(async || one.leases.redis_up() == Some(true) && other.leases.redis_up() == Some(true))
        .await;
    for world in [&one, &other] {
        assert_eq!(
            world.take(&capped(world, 4, 2)).await,
            Taken::DeviceLimit,
            "both are known to both"
        );
    }
    assert_eq!(one.take(&capped(&one, 3, 2)).await, displacing(&[1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unconfirmed_leases_end_by_themselves() {
    let world = World::new(Store::Redis).await;
    assert_eq!(world.take(&capped(&world, 1, 1)).await, leased());
    world.turn(TimeDelta::seconds(109));
    assert_eq!(world.take(&capped(&world, 2, 1)).await, Taken::DeviceLimit);
    world.turn(TimeDelta::seconds(1));
    assert_eq!(world.take(&capped(&world, 2, 1)).await, leased());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_redis_of_another_installation_is_refused() {
    let (url, prefix) = redis::shared().await;
    let _ours = World::instance(clock(), &url, &prefix).await;
    let cache = Cache::open(&url, &prefix).unwrap();
    let err = Leases::shared(clock(), cache, "another")
        .await
        .err()
        .unwrap();
    assert!(err.to_string().contains("another installation"), "{err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_without_redis_takes_it_into_use_when_it_answers() {
    let mut server = RedisServer::start().await;
    server.kill();
    let clock = clock();
    let cache = Cache::open(&server.url(), "").unwrap();
    let leases = Leases::shared(clock.clone(), cache, SPACE).await.unwrap();
    assert_eq!(leases.redis_up(), Some(false));
    let world = World::of(clock, leases);
    assert_eq!(world.take(&capped(&world, 1, 1)).await, leased());
    server.start_again().await;
    until(async || world.leases.redis_up() == Some(true)).await;
    assert_eq!(world.take(&capped(&world, 2, 1)).await, Taken::DeviceLimit);
}
