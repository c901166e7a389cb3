//! Load: Debian's `wrk` with bodies from a file, and reconnects that arrive on time whatever the server does.
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

/// One run of `wrk`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Run {
    pub requests: u64,
    pub micros: u64,
    pub errors: u64,
}

impl Run {
    pub fn per_second(self) -> f64 {
        self.requests as f64 / self.micros as f64 * 1e6
    }
}

/// How connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    Kept,
    New,
}

/// Sends the file's requests for `seconds` over 64 connections.
pub async fn wrk(port: u16, bodies: &Path, how: Connections, seconds: u64) -> Result<Run> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/figures/wrk/bodies.lua");
    let mut wrk = Command::new("wrk");
    wrk.args(["-t1", "-c64", "--latency", &format!("-d{seconds}s"), "-s"])
        .arg(script)
        .arg(format!("http://127.0.0.1:{port}"))
        .arg("--")
        .arg(bodies)
        .arg(if how == Connections::New {
            "close"
        } else {
            "keep"
        })
        .stdin(Stdio::null());
    let out = wrk.output().await.context("wrk is not installed")?;
    let text = String::from_utf8_lossy(&out.stdout);
    let Some(line) = text.lines().find_map(|l| l.strip_prefix("figures ")) else {
        bail!("wrk said: {text}{}", String::from_utf8_lossy(&out.stderr));
    };
    Ok(serde_json::from_str(line)?)
}

/// Latencies of requests, sorted.
pub struct Latencies {
    pub sorted: Vec<Duration>,
    pub errors: usize,
}

impl Latencies {
    pub fn of(mut all: Vec<Duration>, errors: usize) -> Self {
        all.sort_unstable();
        Self {
            sorted: all,
            errors,
        }
    }

    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.sorted.len() * percent / 100).min(self.sorted.len().saturating_sub(1));
        self.sorted.get(at).copied().unwrap_or_default()
    }
}

/// `count` logins, each on a connection of its own, spread evenly over `over`. A latency runs from the instant a login was
/// due, so that a server that falls behind does not look fast.
pub async fn storm(port: u16, bodies: &Path, count: usize, over: Duration) -> Result<Latencies> {
    let text = std::fs::read_to_string(bodies)?;
    let requests: Vec<Vec<u8>> = text.lines().take(count).filter_map(raw_request).collect();
    let start = Instant::now() + Duration::from_millis(100);
    let mut logins = JoinSet::new();
    for (n, request) in requests.into_iter().enumerate() {
        let due = start + over.mul_f64(n as f64 / count as f64);
        logins.spawn(async move {
            sleep_until(due).await;
            let answer = timeout(Duration::from_secs(10), login(port, &request)).await;
            let admitted = matches!(answer, Ok(Ok(true)));
            (due.elapsed(), admitted)
        });
    }
    let answers = logins.join_all().await;
    let errors = answers.iter().filter(|(_, ok)| !ok).count();
    Ok(Latencies::of(
        answers.into_iter().map(|(took, _)| took).collect(),
        errors,
    ))
}

fn raw_request(line: &str) -> Option<Vec<u8>> {
    let mut parts = line.splitn(3, ' ');
    let (path, basic, body) = (parts.next()?, parts.next()?, parts.next()?);
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    Some(request.into_bytes())
}

async fn login(port: u16, request: &[u8]) -> Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(512);
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200") && answer.windows(9).any(|w| w == b"\"ok\":true"))
}

/// Where a file of this run goes.
pub fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/bench")
        .join(name)
}
