//! The whole program over the same data: how soon it is ready, what it weighs, what a storm of reconnects and a removal
//! feel like.
use crate::{
    ground::{Ground, program},
    hook::{compare, server as comparison},
    load::{self, Connections, Latencies, storm},
    process::{Server, free_port, resident},
    report::Report,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    path::Path,
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
    process::Command,
    task::JoinSet,
    time::sleep,
};

const MIB: f64 = 1024.0 * 1024.0;
const REMOVALS: usize = 240;

/// Starts the program and waits until it is ready.
pub async fn start(ground: &Ground) -> Result<(Server, Duration)> {
    start_with(ground, &[]).await
}

/// The same, with these in its environment.
pub async fn start_with(ground: &Ground, more: &[(&str, &str)]) -> Result<(Server, Duration)> {
    let port = free_port()?;
    let mut command = Command::new(program());
    command
        .arg("--data-dir")
        .arg(&ground.dir)
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .env("HYWARDEN__METRICS__LISTEN", "")
        .env("HYWARDEN__LOG__LEVEL", "warn")
        .envs(more.iter().copied())
        .stdout(Stdio::null());
    let started = Instant::now();
    let server = Server::start(command, port, Duration::from_mins(2)).await?;
    while !is_ready(port).await {
        ensure!(
            started.elapsed() < Duration::from_mins(2),
            "the program is not ready"
        );
        sleep(Duration::from_millis(10)).await;
    }
    Ok((server, started.elapsed()))
}

async fn is_ready(port: u16) -> bool {
    let ask = async {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        exchange(stream, "GET", "/readyz", "").await
    };
    matches!(ask.await, Ok((200, _)))
}

/// One request, and the answer's status and body.
async fn exchange(
    mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin,
    method: &str,
    path: &str,
    more: &str,
) -> Result<(u16, String)> {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    // chunked answers are not made for these routes
    Ok((status.context("no status")?, body.to_owned()))
}

/// As the command line asks: through the socket in the data directory.
async fn api(dir: &Path, method: &str, path: &str) -> Result<(u16, String)> {
    let stream = UnixStream::connect(dir.join("api.sock")).await?;
    exchange(stream, method, &format!("/api/v1{path}"), "").await
}

pub async fn figures(report: &mut Report, ground: &Ground) -> Result<()> {
    let (server, ready) = start(ground).await?;
    report.at_most("ready_seconds", ready.as_secs_f64(), 5.0);
    // Let what a start allocates and gives back settle, and the first reads pass.
    sleep(Duration::from_secs(5)).await;
    report.at_most("resident_mib", resident(server.pid()) as f64 / MIB, 400.0);
    reconnects(report, &server).await?;
    removals(report, ground, &server).await?;
    let bare = comparison("serve-bare", &[]).await?;
    let (kept, _) = compare(&server, &bare, &load::file("known.txt"), Connections::Kept).await?;
    report.note("hook_with_rows_written_to_bare", kept);
    server.stop().await?;
    Ok(())
}

async fn reconnects(report: &mut Report, server: &Server) -> Result<()> {
    let over = Duration::from_secs(5);
    let storm = storm(server.port, &load::file("known.txt"), 10_000, over).await?;
    let ms = |percent| storm.percentile(percent).as_secs_f64() * 1e3;
    report.at_most("storm_10000_errors", storm.errors as f64, 0.0);
    report.note("storm_10000_p50_ms", ms(50));
    report.at_most("storm_10000_p99_ms", ms(99), 250.0);
    report.note("storm_10000_max_ms", ms(100));
    Ok(())
}

/// From the call that removes a device to the end of its connection, which keeps moving data: a fake node closes it as
/// Hysteria does, when a chunk meets the kick mark.
async fn removals(report: &mut Report, ground: &Ground, server: &Server) -> Result<()> {
    let text = std::fs::read_to_string(load::file("known.txt"))?;
    // not those of the storm, which nobody removes
    let lines: Vec<&str> = text
        .lines()
        .skip(20_000)
        .step_by(7)
        .take(REMOVALS)
        .collect();
    let mut removals = JoinSet::new();
    for (n, line) in lines.into_iter().enumerate() {
        let (line, port, dir) = (line.to_owned(), server.port, ground.dir.clone());
        let fake = ground.nodes[(20_000 + n * 7) % ground.nodes.len()].clone();
        removals.spawn(async move {
            // spread over time, as removals are
            sleep(Duration::from_millis(100) * u32::try_from(n)?).await;
            removal(&line, port, &dir, fake).await
        });
    }
    let mut took = Vec::new();
    while let Some(removed) = removals.join_next().await {
        took.push(removed??);
    }
    let latencies = Latencies::of(took, 0);
    let seconds = |percent| latencies.percentile(percent).as_secs_f64();
    report.note("removal_to_closed_events", latencies.sorted.len() as f64);
    report.note("removal_to_closed_p50_s", seconds(50));
    report.at_most("removal_to_closed_p99_s", seconds(99), 2.0);
    report.at_most("removal_to_closed_max_s", seconds(100), 5.0);
    Ok(())
}

async fn removal(line: &str, port: u16, dir: &Path, fake: fake_node::FakeNode) -> Result<Duration> {
    let mut parts = line.splitn(3, ' ');
    let (Some(path), Some(basic), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
        bail!("{line}")
    };
    let more = format!(
        "Authorization: Basic {basic}\r\nContent-Length: {}\r\n",
        body.len()
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let request =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{more}\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (_, json) = answer.split_once("\r\n\r\n").context("no answer")?;
    let id: Value = serde_json::from_str(json)?;
    let id: Arc<str> = id["id"].as_str().context("no id")?.into();
    ensure!(!id.is_empty(), "refused: {answer}");
    fake.connect(&id);
    let device = device_of(&id)?;
    let mover = tokio::spawn({
        let (fake, id) = (fake.clone(), id.clone());
        async move {
            while fake.moves(&id, 100, 1000) == fake_node::Moved::Counted {
                sleep(Duration::from_millis(10)).await;
            }
            Instant::now()
        }
    });
    // it has been read at least once
    sleep(Duration::from_secs(3)).await;
    let removed = Instant::now();
    let (status, answer) = api(dir, "DELETE", &format!("/devices/{device}")).await?;
    ensure!(status < 300, "{status} {answer}");
    let closed = mover.await?;
    Ok(closed.saturating_duration_since(removed))
}

/// The API's name of the device in a connection id; the data gave it one that is easily told.
fn device_of(id: &str) -> Result<uuid::Uuid> {
    let number = id.split('.').nth(1).context("no device in the id")?;
    let number = u64::from_str_radix(number, 36)?;
    Ok(uuid::Uuid::from_u128(u128::from(number) << 64))
}
