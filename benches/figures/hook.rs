//! The hook beside a bare handler. Both are measured in turns, several times, and the medians compared: what else the
//! machine does then falls on both.
use crate::{
    load::{self, Connections, Run, wrk},
    process::{Server, free_port},
    report::Report,
};
use anyhow::{Result, ensure};
use std::{path::Path, time::Duration};
use tokio::process::Command;

const ROUNDS: usize = 7;
const SECONDS: u64 = 3;

/// What one server did over all rounds.
#[derive(Default)]
struct Measured {
    per_second: Vec<f64>,
    micros_each: Vec<f64>,
}

impl Measured {
    fn add(&mut self, run: Run, cpu: Duration) {
        self.per_second.push(run.per_second());
        self.micros_each
            .push(cpu.as_secs_f64() * 1e6 / run.requests as f64);
    }
}

/// The one in the middle.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Starts one of the servers of `serve.rs` in a process of its own.
pub async fn server(which: &str, arguments: &[&str]) -> Result<Server> {
    let port = free_port()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(which).arg(port.to_string()).args(arguments);
    Server::start(command, port, Duration::from_mins(3)).await
}

/// Compares in turns. Returns (throughput ÷ bare, CPU a request ÷ bare).
pub async fn compare(
    ours: &Server,
    bare: &Server,
    bodies: &Path,
    how: Connections,
) -> Result<(f64, f64)> {
    let (mut us, mut them) = (Measured::default(), Measured::default());
    for round in 0..=ROUNDS {
        for (server, measured) in [(bare, &mut them), (ours, &mut us)] {
            let before = server.cpu();
            let run = wrk(server.port, bodies, how, SECONDS).await?;
            ensure!(
                run.errors == 0,
                "{} of {} requests failed",
                run.errors,
                run.requests
            );
            // the first round warms up
            if round > 0 {
                measured.add(run, server.cpu().saturating_sub(before));
            }
        }
    }
    let (ours, bare) = (median(&mut us.per_second), median(&mut them.per_second));
    let (ours_cpu, bare_cpu) = (median(&mut us.micros_each), median(&mut them.micros_each));
    eprintln!("  {how:?}: {ours:.0}/s at {ours_cpu:.1} µs, bare {bare:.0}/s at {bare_cpu:.1} µs");
    Ok((ours / bare, ours_cpu / bare_cpu))
}

/// Logins over a million devices, refusals, and logins with leases in Redis.
pub async fn figures(report: &mut Report, database: &str, keys: &Path, redis: &str) -> Result<()> {
    let keys = keys.to_string_lossy();
    let bare = server("serve-bare", &[]).await?;
    let hook = server("serve-hook", &[database, &keys]).await?;
    let known = load::file("known.txt");
    let (kept, cpu) = compare(&hook, &bare, &known, Connections::Kept).await?;
    let (new, _) = compare(&hook, &bare, &known, Connections::New).await?;
    report.at_least("hook_keep_alive_to_bare", kept, 0.90);
    report.at_least("hook_new_connections_to_bare", new, 0.90);
    report.at_most("hook_cpu_per_request_to_bare", cpu, 1.25);
    let (unknown, _) = compare(&hook, &bare, &load::file("unknown.txt"), Connections::Kept).await?;
    report.at_least("refusal_unknown_to_bare", unknown, 0.90);
    let (blocked, _) = compare(&hook, &bare, &load::file("blocked.txt"), Connections::Kept).await?;
    report.at_least("refusal_blocked_to_bare", blocked, 0.90);
    hook.stop().await?;
    let shared = server("serve-hook", &[database, &keys, redis]).await?;
    let (leases, _) = compare(&shared, &bare, &known, Connections::Kept).await?;
    report.at_least("hook_redis_leases_to_bare", leases, 0.30);
    Ok(())
}
