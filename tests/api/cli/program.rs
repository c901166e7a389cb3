//! A running program on a directory of its own, and the verbs that ask it.
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex, Weak},
};
use tempfile::TempDir;

pub const BINARY: &str = env!("CARGO_BIN_EXE_hywarden");

/// A program that runs. It ends with the tests, however they end: the shell in between waits on a pipe.
pub struct Program {
    dir: Option<TempDir>,
    shell: Child,
    pub url: String,
}

impl Program {
    /// The one that tests share while any of them needs it.
    pub fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Program>> = Mutex::new(Weak::new());
        let mut shared = SHARED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        shared.upgrade().unwrap_or_else(|| {
            let program = Arc::new(Self::start());
            *shared = Arc::downgrade(&program);
            program
        })
    }

    pub fn start() -> Self {
        let dir = reachable_dir();
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "\"$0\" \"$@\" & read _; kill $!; wait $!",
                BINARY,
                "serve",
            ])
            .args([
                "--set",
                "server.listen=127.0.0.1:0",
                "--set",
                "metrics.listen=",
            ])
            .args(["--set", "log.level=warn", "--data-dir"])
            .arg(dir.path().join("data"))
            .env_remove("HYWARDEN_TOKEN")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        let url = lines
            .find_map(|line| {
                Some(
                    line.unwrap()
                        .strip_prefix("hywarden listens on ")?
                        .to_owned(),
                )
            })
            .expect("the program ended before it listened");
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            dir: Some(dir),
            shell,
            url,
        }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.dir.as_ref().unwrap().path().join("data")
    }

    /// Ends it and hands over its directory.
    pub fn stop(mut self) -> TempDir {
        self.dir.take().unwrap()
    }

    /// Runs a verb.
    pub fn run(&self, args: &[&str]) -> Said {
        self.run_with(args, "")
    }

    /// Runs a verb with something on its standard input.
    pub fn run_with(&self, args: &[&str], stdin: &str) -> Said {
        verb(&self.data_dir(), args, stdin, &[])
    }

    /// Runs a verb that must succeed, and reads its JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        self.json_with(args, "")
    }

    pub fn json_with(&self, args: &[&str], stdin: &str) -> Value {
        let said = self.run_with(&[args, &["--json"]].concat(), stdin);
        assert_eq!(said.code, 0, "{args:?}: {said:?}");
        said.json()
    }

    /// Adds a node whose stats cannot be read, which costs nothing but a warning.
    pub fn node(&self, name: &str) -> Value {
        let port = free_port();
        self.json(&[
            "node",
            "add",
            name,
            "--address",
            "node.example:443",
            "--stats-url",
            &format!("http://127.0.0.1:{port}"),
            "--stats-secret",
            "stats-secret",
        ])
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// What a verb said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }

    /// The problem of a verb that failed with `--json`.
    pub fn problem(&self) -> Value {
        assert_eq!(self.out, "", "a failure prints no answer");
        serde_json::from_str(&self.err).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }
}

/// Runs a verb against a data directory.
pub fn verb(data_dir: &Path, args: &[&str], stdin: &str, env: &[(&str, &str)]) -> Said {
    let mut child = Command::new(BINARY)
        .args(args)
        .arg("--data-dir")
        .arg(data_dir)
        .env_remove("HYWARDEN_TOKEN")
        .envs(env.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A verb that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    said(child.wait_with_output().unwrap())
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A directory that PostgreSQL's account may pass through.
pub fn reachable_dir() -> TempDir {
    let dir = tempfile::Builder::new()
        .prefix("hywarden-cli-")
        .tempdir_in("/tmp")
        .unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(dir.path(), open).unwrap();
    dir
}

/// A port that nobody listened on a moment ago.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The value at `key` as text.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Asserts that all of these fields are there.
pub fn has_fields(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no {field} in {value}");
    }
}
