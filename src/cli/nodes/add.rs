//! What a node is added with, and the two that add and edit share.
use super::show;
use crate::cli::{
    body::Body,
    console::Console,
    failure::Failure,
    path::Path,
    values::{Obfs, address, network, obfs, rate, secret_from_stdin, span},
};
use clap::{Args, builder::PossibleValuesParser};
use ipnet::IpNet;
use secrecy::ExposeSecret;
use std::net::IpAddr;

/// What a node is added with.
#[derive(Args, Debug)]
pub struct Add {
    name: String,
    /// Where clients connect
    #[arg(long, value_name = "HOST:PORT[,PORTS]")]
    address: String,
    /// Where its traffic stats API is read: http://127.0.0.1:9999
    #[arg(long, value_name = "URL")]
    stats_url: String,
    /// The secret of its traffic stats API; made here when nothing is said
    #[arg(long, value_name = "SECRET", conflicts_with = "stats_secret_stdin")]
    stats_secret: Option<String>,
    /// Read that secret from standard input instead
    #[arg(long)]
    stats_secret_stdin: bool,
    #[command(flatten)]
    shape: Shape,
    /// Put it into this group instead of `default`; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

/// What can be said of a node when it is added and later.
#[derive(Args, Debug)]
pub struct Shape {
    /// Disguise its packets: salamander:PASSWORD or gecko:PASSWORD
    #[arg(long, value_name = "KIND:PASSWORD", value_parser = obfs)]
    obfs: Option<Obfs>,
    /// The name that clients ask for in TLS; the address's host when nothing is said
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// SHA-256 of the leaf certificate, in hex, for one that no authority signed
    #[arg(long, value_name = "SHA256")]
    pin: Option<String>,
    /// Let clients reach this network through the node although it is private; may be repeated
    #[arg(long = "allow-target", value_name = "CIDR", value_parser = network)]
    allow_targets: Vec<IpNet>,
    /// An address of the node itself, which clients must not reach through it; may be repeated
    #[arg(long = "own-address", value_name = "IP", value_parser = address)]
    own_addresses: Vec<IpAddr>,
    /// How fast the node's line is, for telling counters that cannot be: 1Gbit
    #[arg(long, value_name = "RATE", value_parser = rate)]
    line_rate: Option<i64>,
    /// Refuse users with a quota when its counters could not be read for so long: 10m
    #[arg(long, value_name = "DURATION", value_parser = span)]
    require_stats: Option<i64>,
    /// Allow plain HTTP off loopback for its hook or its stats API; may be repeated
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(["hook", "stats"]))]
    allow_plaintext: Vec<String>,
    /// Label it as good for games, or not
    #[arg(long, value_name = "BOOL")]
    gaming: Option<bool>,
    /// Label it as good for streaming, or not
    #[arg(long, value_name = "BOOL")]
    streaming: Option<bool>,
    /// Only for users of a paid plan, or for all
    #[arg(long, value_name = "BOOL")]
    paid: Option<bool>,
}

impl Shape {
    /// The fields of the request.
    pub fn body(self) -> Body {
        let mut body = Body::new();
        if let Some(obfs) = self.obfs {
            body = body
                .with("obfs", obfs.kind.as_str())
                .with("obfs_password", obfs.password.expose_secret());
        }
        body.with_some("sni", self.sni)
            .with_some("pin_sha256", self.pin)
            .with_list("allow_targets", &self.allow_targets)
            .with_list("own_addresses", &self.own_addresses)
            .with_some("line_rate", self.line_rate)
            .with_some("require_stats", self.require_stats)
            .with_list("allow_plaintext", &self.allow_plaintext)
            .with_some("gaming", self.gaming)
            .with_some("streaming", self.streaming)
            .with_some("paid", self.paid)
    }
}

/// Adds one.
pub async fn add(add: Add, on: &mut Console) -> Result<(), Failure> {
    let secret = if add.stats_secret_stdin {
        Some(secret_from_stdin()?)
    } else {
        add.stats_secret
    };
    let body = add
        .shape
        .body()
        .with("name", add.name)
        .with("address", add.address)
        .with("stats_url", add.stats_url)
        .with_some("stats_secret", secret)
        .with_list("groups", &add.groups);
    let answer = on
        .api
        .post(&Path::of(&["nodes"])?, Some(&body.into()))
        .await?;
    on.out.answer(&answer, show::added)
}
