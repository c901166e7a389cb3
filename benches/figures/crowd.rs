//! Two hundred people who log in at the same instant: who is admissions, how soon the others hear, what it costs in memory.
use crate::{
    ground::Ground,
    load::Latencies,
    people::{PASSWORD, account, there},
    process::{high_water, resident},
    report::Report,
    whole::start_with,
};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const PEOPLE: usize = 200;
const ROUNDS: usize = 5;
const MIB: f64 = 1024.0 * 1024.0;

pub async fn figures(report: &mut Report, ground: &Ground) -> Result<()> {
    let trusted = ("HYWARDEN__SERVER__TRUSTED_PROXIES", "127.0.0.0/8");
    // one account plays them all
    let proofs = ("HYWARDEN__LOGINS__PROOFS", "1000000");
    let (server, _) = start_with(ground, &[trusted, proofs]).await?;
    account(ground, "crowd", "user").await?;
    let before = resident(server.pid());
    let (mut admissions, mut took) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut people = JoinSet::new();
        for n in 0..PEOPLE {
            // a connection and an address each, as people have
            let http = reqwest::Client::builder().no_proxy().build()?;
            let url = format!("{}/auth/login", there(&server));
            people.spawn(async move {
                let body = json!({"name": "crowd", "password": PASSWORD});
                let started = Instant::now();
                let answer = http.post(url).json(&body);
                let answer = answer.header("x-forwarded-for", format!("192.0.2.{n}"));
                let answer = answer.header("x-forwarded-proto", "https").send().await?;
                let status = answer.status().as_u16();
                let later = answer.headers().contains_key("retry-after");
                answer.bytes().await?;
                ensure!(
                    status == 200 || matches!(status, 429 | 503) && later,
                    "{status}, retry-after: {later}"
                );
                Ok((status, started.elapsed()))
            });
        }
        let mut admitted = 0.0;
        while let Some(answer) = people.join_next().await {
            match answer?? {
                (200, _) => admitted += 1.0,
                (_, after) => took.push(after),
            }
        }
        admissions.push(admitted);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let grown = high_water(server.pid()).saturating_sub(before) as f64 / MIB;
    admissions.sort_by(f64::total_cmp);
    let refused = Latencies::of(took, 0);
    report.note(
        "crowd_200_served",
        *admissions.get(ROUNDS / 2).context("no rounds")?,
    );
    report.at_most("crowd_200_memory_mib", grown, 256.0);
    report.at_most(
        "crowd_200_refused_p99_s",
        refused.percentile(99).as_secs_f64(),
        1.0,
    );
    report.note(
        "crowd_200_refused_max_s",
        refused.percentile(100).as_secs_f64(),
    );
    server.stop().await
}
