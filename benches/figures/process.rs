//! Processes under measurement: what they cost and that they end with us.
use anyhow::{Context, Result};
use std::{fs, process::Stdio, time::Duration};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep},
};

/// A server of ours in a process of its own.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts `command` and waits until its port takes connections.
    pub async fn start(mut command: Command, port: u16, patience: Duration) -> Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{command:?}"))?;
        let until = Instant::now() + patience;
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            anyhow::ensure!(
                Instant::now() < until,
                "{command:?} does not listen on {port}"
            );
            sleep(Duration::from_millis(5)).await;
        }
        Ok(Self { child, port })
    }

    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Processor time so far.
    pub fn cpu(&self) -> Duration {
        cpu(self.pid())
    }

    /// Asks it to end and waits.
    pub async fn stop(mut self) -> Result<()> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        self.child.wait().await?;
        Ok(())
    }
}

/// User and system time of a process, in ticks of 10 ms.
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks = |n: usize| {
        fields
            .get(n)
            .and_then(|f| f.parse::<u64>().ok())
            .unwrap_or(0)
    };
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Resident memory of a process, in bytes.
pub fn resident(pid: u32) -> u64 {
    memory(pid, "VmRSS:")
}

/// The most that it ever was.
pub fn high_water(pid: u32) -> u64 {
    memory(pid, "VmHWM:")
}

fn memory(pid: u32, what: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(what));
    let kib = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// A port that nobody listens on.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

/// A Redis on a unix socket.
pub struct Redis {
    _child: Child,
    pub url: String,
}

/// Starts it and waits until it answers.
pub async fn redis(dir: &std::path::Path) -> Result<Redis> {
    let socket = dir.join("redis.sock");
    let child = Command::new("redis-server")
        .args([
            "--port",
            "0",
            "--save",
            "",
            "--appendonly",
            "no",
            "--unixsocket",
        ])
        .arg(&socket)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .current_dir(dir)
        .kill_on_drop(true)
        .spawn()
        .context("redis-server is not installed")?;
    while tokio::net::UnixStream::connect(&socket).await.is_err() {
        sleep(Duration::from_millis(5)).await;
    }
    Ok(Redis {
        _child: child,
        url: format!("redis+unix://{}", socket.display()),
    })
}
