//! People who log in: passwords a second beside the same hashes without a program around them, refreshes a second.
use crate::{
    ground::Ground,
    hook::median,
    people::{PASSWORD, account, client, login, post, there},
    report::Report,
    whole::start_with,
};
use anyhow::Result;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use serde_json::json;
use std::{
    thread,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

const OVER: Duration = Duration::from_secs(4);
const ROUNDS: usize = 3;
/// Logins that are refreshed at once.
const CHAINS: usize = 16;

pub async fn figures(report: &mut Report, ground: &Ground) -> Result<()> {
    // one account plays everybody
    let proofs = ("HYWARDEN__LOGINS__PROOFS", "1000000");
    let (server, _) = start_with(ground, &[proofs]).await?;
    account(ground, "bench", "user").await?;
    let there = there(&server);
    // in turns: what else the machine does falls on both
    let (mut all, mut all_bare) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let hashed = tokio::task::spawn_blocking(bare);
        all_bare.push(hashed.await?);
        all.push(logins(&there).await?);
    }
    let (ours, bare) = (median(&mut all), median(&mut all_bare));
    eprintln!("  {ours:.0} logins/s, {bare:.0} bare hashes/s");
    report.at_least("password_logins_to_bare_argon2id", ours / bare, 0.8);
    report.at_least("password_logins_per_second", ours, 40.0);
    report.at_least("refreshes_per_second", refreshes(&there).await?, 2_000.0);
    server.stop().await
}

/// Hashes a second on two threads.
fn bare() -> f64 {
    let threads = (0..2).map(|_| {
        thread::spawn(|| {
            let params = Params::new(19_456, 2, 1, None).unwrap_or_default();
            let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            let (started, mut hashed) = (Instant::now(), 0.0);
            while started.elapsed() < OVER {
                let hash = argon.hash_password_with_salt(PASSWORD.as_bytes(), &[7; 16]);
                std::hint::black_box(hash.is_ok());
                hashed += 1.0;
            }
            hashed / started.elapsed().as_secs_f64()
        })
    });
    let threads: Vec<_> = threads.collect();
    threads.into_iter().filter_map(|t| t.join().ok()).sum()
}

async fn logins(base: &str) -> Result<f64> {
    let mut people = JoinSet::new();
    let started = Instant::now();
    for _ in 0..4 {
        let (http, base) = (client()?, base.to_owned());
        people.spawn(async move {
            let (body, mut done) = (json!({"name": "bench", "password": PASSWORD}), 0.0);
            while started.elapsed() < OVER {
                post(&http, &base, "/auth/login", &body).await?;
                done += 1.0;
            }
            anyhow::Ok(done)
        });
    }
    sum(people, started).await
}

async fn refreshes(base: &str) -> Result<f64> {
    let mut tokens = Vec::new();
    for _ in 0..CHAINS {
        let made = login(base, "bench").await?;
        tokens.push(made["refresh_token"].clone());
    }
    let mut chains = JoinSet::new();
    let started = Instant::now();
    for mut token in tokens {
        let (http, base) = (client()?, base.to_owned());
        chains.spawn(async move {
            let mut done = 0.0;
            while started.elapsed() < OVER {
                let body = json!({"refresh_token": token});
                token = post(&http, &base, "/auth/refresh", &body).await?["refresh_token"].take();
                done += 1.0;
            }
            anyhow::Ok(done)
        });
    }
    sum(chains, started).await
}

async fn sum(mut tasks: JoinSet<Result<f64>>, started: Instant) -> Result<f64> {
    let mut all = 0.0;
    while let Some(done) = tasks.join_next().await {
        all += done??;
    }
    Ok(all / started.elapsed().as_secs_f64())
}
