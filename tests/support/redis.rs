//! A Redis of the tests' own, on a unix socket. It ends with the process that started it, however that ends: the shell in
//! between waits on a pipe that only this process holds.
use std::{
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::net::UnixStream;

pub struct RedisServer {
    dir: TempDir,
    running: Option<(Child, Option<ChildStdin>)>,
}

impl RedisServer {
    pub async fn start() -> Self {
        let mut server = Self {
            dir: tempfile::tempdir().unwrap(),
            running: None,
        };
        server.start_again().await;
        server
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub async fn start_again(&mut self) {
        let mut child = Command::new("sh")
            .args(["-c", "redis-server --port 0 --save '' --appendonly no --unixsocket \"$0\" >/dev/null & read _; kill -9 $!"])
            .arg(self.socket())
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh");
        let stdin = child.stdin.take();
        self.running = Some((child, stdin));
        while UnixStream::connect(self.socket()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub fn kill(&mut self) {
        if let Some((mut child, stdin)) = self.running.take() {
            drop(stdin);
            child.wait().unwrap();
        }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The one that tests share; each takes a prefix of its own.
pub async fn shared() -> (String, String) {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    static PREFIX: AtomicU64 = AtomicU64::new(0);
    let starting = STARTING.lock().await;
    let url = if let Some(server) = SERVER.get() {
        server.url()
    } else {
        let server = RedisServer::start().await;
        SERVER.get_or_init(|| server).url()
    };
    drop(starting);
    (url, format!("t{}:", PREFIX.fetch_add(1, Ordering::Relaxed)))
}
