//! The program as a process, on a data directory of its own.
use std::{
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A directory that the database's account may pass through, wherever the clone lies.
pub fn open_dir() -> TempDir {
    let dir = tempfile::Builder::new()
        .prefix("hywarden-")
        .tempdir_in("/tmp")
        .unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    dir
}

/// Looks again and again until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(
            since.elapsed() < PATIENCE,
            "not within {PATIENCE:?}: {what}"
        );
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// A command line on this data directory, with an environment that says nothing but that memory comes in small pages: what a
/// request costs would else be a multiple of 2 MiB, by luck.
pub fn hywarden(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hywarden"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("HYWARDEN") {
            command.env_remove(name);
        }
    }
    command.env("MIMALLOC_ALLOW_THP", "0");
    command.arg("--data-dir").arg(data_dir);
    command
}

/// What a finished command said on both outputs.
pub fn said(out: &Output) -> String {
    String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr)
}

/// `hywarden serve`, killed when dropped.
pub struct Program {
    child: Child,
    pub data_dir: PathBuf,
    /// What it said until it listened.
    pub welcome: String,
}

impl Program {
    /// Starts it on free ports and waits until it listens.
    pub fn serve(data_dir: &Path, more: &[&str]) -> Self {
        Self::try_serve(data_dir, more).unwrap_or_else(|said| panic!("{said}"))
    }

    /// Starts it; what it said if it ended instead.
    pub fn try_serve(data_dir: &Path, more: &[&str]) -> Result<Self, String> {
        let mut command = hywarden(data_dir);
        command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--set",
                "metrics.listen=127.0.0.1:0",
            ])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (lines, told) = mpsc::channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                // read on after the test has seen enough, or the program would block
                let _ = lines.send(line);
            }
        });
        let mut err = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            text
        });
        let mut welcome = String::new();
        loop {
            if let Ok(line) = told.recv_timeout(PATIENCE) {
                welcome += &line;
                welcome.push('\n');
                if line.contains("listens on") {
                    break;
                }
            } else {
                let _ = child.kill();
                child.wait().unwrap();
                return Err(welcome + &errors.join().unwrap());
            }
        }
        while let Ok(line) = told.recv_timeout(Duration::from_millis(200)) {
            welcome += &line;
            welcome.push('\n');
        }
        Ok(Self {
            child,
            data_dir: data_dir.to_owned(),
            welcome,
        })
    }

    /// The number of the process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// SIGTERM, and whether it ended well.
    pub fn stop(mut self) -> bool {
        signal(self.pid(), "TERM");
        self.child.wait().unwrap().success()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The processes of its PostgreSQL.
    pub fn postgres(&self) -> Vec<i32> {
        postgres_of(&self.data_dir)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal by its name.
pub fn signal(pid: i32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success(), "kill -{name} {pid}");
}

/// Whoever works on the private cluster of this data directory.
pub fn postgres_of(data_dir: &Path) -> Vec<i32> {
    let data = data_dir.join("postgres/data");
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == data))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The number of the postmaster, as its file says.
pub fn postmaster_of(data_dir: &Path) -> Option<i32> {
    let text = fs::read_to_string(data_dir.join("postgres/data/postmaster.pid")).ok()?;
    text.lines().next()?.trim().parse().ok()
}
