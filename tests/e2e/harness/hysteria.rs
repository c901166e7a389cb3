//! The official server libraries, started from a printed configuration.
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use serde_json::Value;

use super::{certificate::Certificate, folder::Folder, process::Process};

/// Where `tests/peers/install` put the peers; it runs once a test run, and is quick when nothing changed.
pub static PEERS: LazyLock<PathBuf> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(root.join("tests/peers/install"))
        .status()
        .unwrap();
    assert!(made.success(), "tests/peers/install");
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    fs::canonicalize(target.join("peers")).unwrap()
});

/// One Hysteria2 server. Its ports stay the same over restarts.
pub struct Hysteria {
    process: Process,
    config: PathBuf,
    cert: PathBuf,
    key: PathBuf,
    pub udp: SocketAddr,
    pub stats: SocketAddr,
    secret: String,
}

impl Hysteria {
    /// `config` is what `node add` printed, in JSON or in YAML.
    pub fn start(
        folder: &Folder,
        name: &str,
        config: &str,
        certificate: &Certificate,
        udp: u16,
        stats: u16,
    ) -> Self {
        let extension = if config.starts_with('{') {
            "json"
        } else {
            "yaml"
        };
        let read: Value = match extension {
            "json" => serde_json::from_str(config).unwrap(),
            _ => serde_yaml_ng::from_str(config).unwrap(),
        };
        let config = folder.write(&format!("{name}.{extension}"), config);
        let udp = SocketAddr::from(([127, 0, 0, 1], udp));
        let stats = SocketAddr::from(([127, 0, 0, 1], stats));
        let (cert, key) = (certificate.cert.clone(), certificate.key.clone());
        let process = run(&config, &cert, &key, udp, stats);
        let secret = read["trafficStats"]["secret"].as_str().unwrap().to_owned();
        Self {
            process,
            config,
            cert,
            key,
            udp,
            stats,
            secret,
        }
    }

    /// SIGKILL: counters, marks and connections are gone. Then the same anew.
    pub fn restart(&mut self) {
        self.process.kill();
        self.process = run(&self.config, &self.cert, &self.key, self.udp, self.stats);
    }

    /// How many lines it wrote so far, for [`Self::says_after`].
    pub fn seen(&self) -> usize {
        self.process.seen()
    }

    /// Waits for an event after the first `seen` lines.
    #[track_caller]
    pub fn says_after(&self, seen: usize, event: &str, with: impl Fn(&Value) -> bool) -> Value {
        self.process.line_after(seen, event, |line| {
            let said: Value = serde_json::from_str(line).ok()?;
            (said["event"] == event && with(&said)).then_some(said)
        })
    }

    /// What the stats API says, asked by the test itself.
    pub fn asks(&self, path: &str) -> Value {
        let mut stream = TcpStream::connect(self.stats).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
            self.secret
        )
        .unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        assert!(line.contains(" 200 "), "{line}");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).unwrap();
        serde_json::from_str(rest.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Everything that it ever counted: upload and download.
    pub fn counted(&self) -> (u64, u64) {
        let traffic = self.asks("/traffic");
        let entries = traffic.as_object().unwrap().values();
        entries.fold((0, 0), |(tx, rx), entry| {
            (
                tx + entry["tx"].as_u64().unwrap(),
                rx + entry["rx"].as_u64().unwrap(),
            )
        })
    }
}

fn run(config: &Path, cert: &Path, key: &Path, udp: SocketAddr, stats: SocketAddr) -> Process {
    let mut command = Command::new(PEERS.join("hysteria-server"));
    command
        .arg("-listen")
        .arg(udp.to_string())
        .arg("-stats")
        .arg(stats.to_string());
    command
        .arg("-cert")
        .arg(cert)
        .arg("-key")
        .arg(key)
        .arg(config);
    let process = Process::start("hysteria-server", &mut command);
    process.line("ready", |line| line.starts_with("ready ").then_some(()));
    process
}
