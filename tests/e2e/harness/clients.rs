//! The official client and sing-box, each with a SOCKS5 proxy for the test.
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use super::{folder::Folder, free, hysteria::PEERS, process::Process};

/// A connected client.
pub struct Client {
    _process: Process,
    /// Its SOCKS5 proxy.
    pub socks: SocketAddr,
}

/// What a client that could not log in said.
pub struct Refused(pub String);

impl Client {
    /// The official client, from a printed configuration.
    #[track_caller]
    pub fn official(folder: &Folder, config: &Value) -> Result<Self, Refused> {
        let socks = SocketAddr::from(([127, 0, 0, 1], free::port()));
        let mut config = config.clone();
        config["socks5"]["listen"] = socks.to_string().into();
        let path = folder.write(&format!("client-{}.json", socks.port()), config.to_string());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/hysteria_client.py");
        let mut command = Command::new(PEERS.join("venv/bin/python"));
        let process = Process::start("hysteria client", command.arg(script).arg(path));
        // it opens its proxies in no order, so each is waited for
        let mut offered = vec!["SOCKS5 server listening"];
        if config.get("http").is_some() {
            offered.push("HTTP proxy server listening");
        }
        for listening in offered {
            process.line("listening or FATAL", |line| {
                let refused = line
                    .contains("FATAL")
                    .then(|| Err(Refused(line.to_owned())));
                refused.or_else(|| line.contains(listening).then_some(Ok(())))
            })?;
        }
        Ok(Self {
            _process: process,
            socks,
        })
    }

    /// The same from a link alone.
    #[track_caller]
    pub fn from_uri(folder: &Folder, uri: &str) -> Result<Self, Refused> {
        Self::official(folder, &json!({"server": uri}))
    }

    /// sing-box, on a machine that trusts `authority`. It logs in at the first request.
    #[track_caller]
    pub fn sing_box(folder: &Folder, config: &Value, authority: &Path) -> Self {
        let socks = SocketAddr::from(([127, 0, 0, 1], free::port()));
        let mut config = config.clone();
        let inbound = config["inbounds"].as_array_mut().unwrap();
        inbound
            .iter_mut()
            .find(|inbound| inbound["type"] == "socks")
            .unwrap()["listen_port"] = socks.port().into();
        config["log"] = json!({"level": "info", "disabled": false});
        let path = check_sing_box(folder, &format!("sing-box-{}.json", socks.port()), &config);
        let mut command = Command::new(PEERS.join("sing-box"));
        command
            .env("SSL_CERT_FILE", authority)
            .env("SSL_CERT_DIR", folder.path());
        let process = Process::start("sing-box", command.arg("run").arg("-c").arg(path));
        process.line("started", |line| {
            line.contains("sing-box started").then_some(())
        });
        Self {
            _process: process,
            socks,
        }
    }
}

/// Writes a configuration that sing-box accepts.
#[track_caller]
pub fn check_sing_box(folder: &Folder, name: &str, config: &Value) -> PathBuf {
    let path = folder.write(name, config.to_string());
    let mut check = Command::new(PEERS.join("sing-box"));
    let checked = check.arg("check").arg("-c").arg(&path).output().unwrap();
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stderr)
    );
    path
}
