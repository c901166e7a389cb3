//! Where the API is asked, and as whom: options that every verb of the client takes.
use super::failure::Failure;
use clap::Args;
use secrecy::SecretString;
use std::path::PathBuf;
use url::{Host, Url};

/// Options of all verbs that ask the running program.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Asking the program")]
pub struct Target {
    /// Ask the program at this URL instead of the one on this machine; needs a token
    #[arg(long, value_name = "URL", env = "HYWARDEN_SERVER", global = true)]
    pub server: Option<Url>,
    /// File that holds the API token; else it is taken from HYWARDEN_TOKEN
    #[arg(long, value_name = "FILE", env = "HYWARDEN_TOKEN_FILE", global = true)]
    pub token_file: Option<PathBuf>,
    /// Send the token over plain HTTP off this machine: who sees the path can use it
    #[arg(long, global = true)]
    pub plain_http: bool,
    /// Print the API's answer as JSON, with stable fields
    #[arg(long, global = true)]
    pub json: bool,
}

impl Target {
    /// The program on this machine, through its own socket.
    pub fn local() -> Self {
        Self {
            server: None,
            token_file: None,
            plain_http: false,
            json: false,
        }
    }

    /// The token, from the file or the environment; a token on the command line would show in `ps`.
    pub fn token(&self) -> Result<Option<SecretString>, Failure> {
        let text = match &self.token_file {
            Some(file) => std::fs::read_to_string(file)
                .map_err(|why| Failure::usage(format!("--token-file {}: {why}", file.display())))?,
            None => match std::env::var("HYWARDEN_TOKEN") {
                Ok(text) => text,
                Err(_) => return Ok(None),
            },
        };
        let token = text.trim();
        if token.is_empty() || token.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Failure::usage(
                "the API token is empty or holds white space: it should read hywarden_pat_…",
            ));
        }
        Ok(Some(token.into()))
    }

    /// Refuses a URL that would carry the token in the clear, or is none of ours.
    pub fn checked(&self, server: &Url) -> Result<(), Failure> {
        match server.scheme() {
            "https" => Ok(()),
            "http" if self.plain_http || is_loopback(server) => Ok(()),
            "http" => Err(Failure::usage(format!(
                "--server {server}: over plain HTTP everybody on the path would see the token; use https, or say --plain-http"
            ))),
            _ => Err(Failure::usage(format!(
                "--server {server}: is neither https nor http"
            ))),
        }
    }
}

fn is_loopback(server: &Url) -> bool {
    match server.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
