//! The program itself: `hywarden serve` on a data directory of its own, and its command line.
use std::{
    path::PathBuf,
    process::{Command, Output},
};

use fake_node::FakeNode;
use serde_json::Value;

use super::{
    certificate::{self, Certificate},
    clients::{Client, Refused},
    folder::Folder,
    free,
    hysteria::Hysteria,
    process::Process,
    target::Target,
    until,
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hywarden");
const NETWORK: [&str; 2] = ["--allow-target", "127.0.0.0/8"];

/// A running program with what belongs to one test.
pub struct House {
    process: Process,
    pub folder: Folder,
    pub certificate: Certificate,
    pub target: Target,
    port: u16,
}

impl House {
    pub fn start() -> Self {
        let folder = Folder::new();
        let certificate = Certificate::new(&folder);
        let port = free::port();
        let process = serve(&folder, port);
        let house = Self {
            process,
            folder,
            certificate,
            target: Target::start(),
            port,
        };
        house.wait_until_ready();
        house
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same data.
    pub fn start_again(&mut self) {
        self.process = serve(&self.folder, self.port);
        self.wait_until_ready();
    }

    #[track_caller]
    fn wait_until_ready(&self) {
        self.process
            .line("listens", |line| line.contains("listens on").then_some(()));
        until("the API answers", || {
            self.run(&["user", "list", "--json"])
                .status
                .success()
                .then_some(())
        });
    }

    /// Where people and their browsers reach it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The link that makes the first superadmin, from where it was put.
    pub fn setup_link(&self) -> String {
        let file = self.data().join("setup-link");
        until("the setup link", || std::fs::read_to_string(&file).ok())
            .trim()
            .to_owned()
    }

    /// One verb of the command line.
    pub fn run(&self, verb: &[&str]) -> Output {
        command(&self.data()).args(verb).output().unwrap()
    }

    /// Its answer as JSON.
    #[track_caller]
    pub fn ask(&self, verb: &[&str]) -> Value {
        let done = self.run(&[verb, &["--json"]].concat());
        let (out, err) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        assert!(
            done.status.success(),
            "{verb:?}: {}: {err}{out}",
            done.status
        );
        serde_json::from_str(&out).unwrap_or_else(|err| panic!("{verb:?}: {err}: {out}"))
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Adds a node, and starts its server from what was printed.
    #[track_caller]
    pub fn node(&self, name: &str, options: &[&str]) -> Hysteria {
        self.closed_node(name, &[options, &NETWORK].concat())
    }

    /// The same with the ordinary rules: nothing on loopback can be reached through it.
    #[track_caller]
    pub fn closed_node(&self, name: &str, options: &[&str]) -> Hysteria {
        let (udp, stats) = (free::port(), free::port());
        let (address, url) = (
            format!("127.0.0.1:{udp}"),
            format!("http://127.0.0.1:{stats}"),
        );
        let verb = [
            &[
                "node",
                "add",
                name,
                "--address",
                &address,
                "--stats-url",
                &url,
                "--stats-secret",
                "a-secret-of-the-stats-api-0123456789",
            ],
            &["--sni", certificate::NAME, "--pin", &self.certificate.pin][..],
            options,
        ];
        let added = self.ask(&verb.concat());
        let yaml = added["server_config_yaml"].as_str().unwrap();
        assert_eq!(
            serde_yaml_ng::from_str::<Value>(yaml).unwrap(),
            added["server_config"]
        );
        // Both forms are started from: disguised servers from YAML.
        let config = if options.contains(&"--obfs") {
            yaml.to_owned()
        } else {
            added["server_config"].to_string()
        };
        Hysteria::start(&self.folder, name, &config, &self.certificate, udp, stats)
    }

    /// Adds a node whose stats API is somebody else's.
    #[track_caller]
    pub fn strange_node(&self, name: &str, fake: &FakeNode) {
        let address = format!("127.0.0.1:{}", free::port());
        let (url, secret) = (fake.url(), fake.secret());
        self.ask(&[
            "node",
            "add",
            name,
            "--address",
            &address,
            "--stats-url",
            &url,
            "--stats-secret",
            &secret,
        ]);
    }

    /// The most memory that the program ever had, in bytes.
    pub fn peak_memory(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.process.pid())).unwrap();
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// Creates a user.
    #[track_caller]
    pub fn user(&self, name: &str, options: &[&str]) {
        self.ask(&[&["user", "create", name], options].concat());
    }

    /// Adds a device.
    #[track_caller]
    pub fn device(&self, user: &str, name: &str) -> Device {
        let added = self.ask(&["device", "add", user, name]);
        let text = |key: &str| {
            added[key]
                .as_str()
                .unwrap_or_else(|| panic!("{key} in {added}"))
                .to_owned()
        };
        Device {
            id: text("id"),
            secret: text("secret"),
            uri: text("uri"),
        }
    }

    /// Adds a device with a secret that somebody has already.
    #[track_caller]
    pub fn device_with_secret(&self, user: &str, name: &str, kind: &str, secret: &str) -> Device {
        let mut command = command(&self.data());
        command.args([
            "device",
            "add",
            user,
            name,
            "--kind",
            kind,
            "--secret-stdin",
            "--json",
        ]);
        let file = self.folder.write("secret", secret);
        let done = command
            .stdin(std::fs::File::open(file).unwrap())
            .output()
            .unwrap();
        let added: Value =
            serde_json::from_slice(&done.stdout).unwrap_or_else(|err| panic!("{err}: {done:?}"));
        let text = |key: &str| {
            added[key]
                .as_str()
                .unwrap_or_else(|| panic!("{key} in {added}"))
                .to_owned()
        };
        Device {
            id: text("id"),
            secret: secret.to_owned(),
            uri: text("uri"),
        }
    }

    /// Logs in at a device's node with any credential at all.
    #[track_caller]
    pub fn log_in_with(&self, device: &Device, auth: &str) -> Result<Client, Refused> {
        let done = self.run(&["device", "config", &device.id]);
        let mut config: Value =
            serde_json::from_slice(&done.stdout).unwrap_or_else(|err| panic!("{err}: {done:?}"));
        config["auth"] = auth.into();
        Client::official(&self.folder, &config)
    }

    /// Connects the official client with a device's link.
    #[track_caller]
    pub fn connect(&self, device: &Device) -> Client {
        self.log_in(&device.uri)
            .unwrap_or_else(|refused| panic!("{}", refused.0))
    }

    /// Tries to.
    #[track_caller]
    pub fn log_in(&self, uri: &str) -> Result<Client, Refused> {
        Client::from_uri(&self.folder, uri)
    }

    /// A login with this link is refused; the code that the user's explanation shows first.
    #[track_caller]
    pub fn refusal(&self, user: &str, uri: &str) -> String {
        let refused = self.log_in(uri).err().expect("the login must be refused");
        assert!(
            refused
                .0
                .contains("authentication error, HTTP status code: 404"),
            "{}",
            refused.0
        );
        let explained = self.ask(&["user", "explain", user]);
        let code = explained["refusals"][0]["code"].as_str();
        code.unwrap_or_else(|| panic!("no code in {explained}"))
            .to_owned()
    }

    /// Credited bytes: upload and download.
    #[track_caller]
    pub fn credited(&self, whose: &[&str]) -> (u64, u64) {
        let traffic = self.ask(&[&["stats", "traffic"], whose].concat());
        let number = |key: &str| {
            traffic[key]
                .as_u64()
                .unwrap_or_else(|| panic!("{key} in {traffic}"))
        };
        (number("tx"), number("rx"))
    }

    /// Waits until exactly this is credited.
    #[track_caller]
    pub fn wait_for_credit(&self, whose: &[&str], expected: (u64, u64)) {
        let mut last = (0, 0);
        until(&format!("{expected:?} credited to {whose:?}"), || {
            last = self.credited(whose);
            assert!(
                last.0 <= expected.0 && last.1 <= expected.1,
                "{last:?} credited, more than {expected:?}"
            );
            (last == expected).then_some(())
        });
    }

    /// Connections that are online.
    #[track_caller]
    pub fn online(&self) -> Vec<Value> {
        let listed = self.ask(&["stats", "connections"]);
        let items = listed.as_array().or_else(|| listed["items"].as_array());
        items
            .unwrap_or_else(|| panic!("no list: {listed}"))
            .iter()
            .filter(|c| c["online"] == true)
            .cloned()
            .collect()
    }

    /// Waits until a user's status is this word.
    #[track_caller]
    pub fn wait_for_status(&self, user: &str, status: &str) {
        until(&format!("{user} is {status}"), || {
            (self.ask(&["user", "show", user])["status"] == status).then_some(())
        });
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.process.stop();
        }
    }
}

/// A device with what its owner is told.
pub struct Device {
    pub id: String,
    pub secret: String,
    pub uri: String,
}

impl Device {
    /// Its link with another secret.
    pub fn uri_with(&self, secret: &str) -> String {
        self.uri.replace(&self.secret, secret)
    }
}

fn command(data: &std::path::Path) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("--data-dir")
        .arg(data)
        .env("RUST_BACKTRACE", "0");
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HYWARDEN")) {
        command.env_remove(name);
    }
    command
}

fn serve(folder: &Folder, port: u16) -> Process {
    let mut command = command(&folder.path().join("data"));
    let listen = format!("server.listen=127.0.0.1:{port}");
    let settings = [
        &listen,
        "metrics.listen=",
        "accounting.max_interval=2s",
        "database.pool=4",
        "logins.registration=invite",
    ];
    for setting in settings {
        command.arg("--set").arg(setting);
    }
    Process::start("hywarden", command.arg("serve"))
}
