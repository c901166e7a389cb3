//! What a client is given to connect with: links and configurations, one a permitted node.
use crate::{
    error::{Error, Result},
    hysteria::{
        Address, Endpoint, Obfs, ObfsKind,
        client_config::{self, Client, Offers},
        uri,
    },
    keyring::{Keyring, Place},
    models::{Mode, Named, Node, NodeId, Obfs as Disguise, Profile, UserNo},
    repositories::nodes::{self, Which},
};
use anyhow::Context;
use diesel_async::AsyncPgConnection;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where a generated client configuration offers its SOCKS5 proxy.
const SOCKS5: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1080);
/// And where its HTTP proxy.
const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The most links that are given at once.
const MOST: i64 = 100;

/// A node's link.
#[derive(Clone, Debug)]
pub struct Link {
    /// The node's name.
    pub node: String,
    /// Holds the secret.
    pub uri: SecretString,
}

/// The links of one secret.
#[derive(Clone, Debug)]
pub struct Links {
    pub all: Vec<Link>,
    /// The user may use more nodes than these.
    pub more: bool,
}

/// Nodes that a user may use.
#[derive(Clone, Debug)]
pub struct Permitted {
    pub nodes: Vec<Node>,
    /// It may use more than these.
    pub more: bool,
}

/// For which client a configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Hysteria,
    SingBox,
}

impl Format {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hysteria => "hysteria",
            Self::SingBox => "sing-box",
        }
    }
}

/// What opens a node's own secrets.
pub fn place(node: &NodeId, column: &'static str) -> OwnedPlace {
    OwnedPlace {
        column,
        row: node.to_string(),
    }
}

/// Where one of a node's secrets lies.
pub struct OwnedPlace {
    column: &'static str,
    row: String,
}

impl OwnedPlace {
    /// As the keyring takes it.
    pub fn get(&self) -> Place<'_> {
        Place {
            table: "nodes",
            column: self.column,
            row: &self.row,
        }
    }
}

/// The links of a secret for these nodes.
pub fn links(keyring: &Keyring, of: &Permitted, secret: &str) -> Result<Links> {
    let all = of.nodes.iter().map(|node| {
        with_endpoint(keyring, node, |endpoint| Link {
            node: node.name.clone(),
            uri: uri::uri(endpoint, secret).into(),
        })
    });
    Ok(Links {
        all: all.collect::<Result<_>>()?,
        more: of.more,
    })
}

/// A client's configuration for one node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// The client's own file.
    pub file: Value,
    /// What its user must be told besides.
    pub warning: Option<String>,
}

/// A client's configuration for one node, as a device's profile has it.
pub fn config(
    keyring: &Keyring,
    node: &Node,
    secret: &str,
    profile: &Profile,
    format: Format,
) -> Result<Config> {
    let listen = profile.listen.as_deref().and_then(|at| at.parse().ok());
    let rate = |bytes: Option<i64>| bytes.and_then(|n| u64::try_from(n).ok());
    let client = Client {
        offers: match profile.mode {
            Mode::Socks5 => Offers::Socks5(listen.unwrap_or(SOCKS5)),
            Mode::Http => Offers::Http(listen.unwrap_or(HTTP)),
            Mode::Tun => Offers::Tun(addresses(node)?),
        },
        up: rate(profile.up),
        down: rate(profile.down),
        lazy: profile.lazy,
        fast_open: profile.fast_open,
    };
    with_endpoint(keyring, node, |endpoint| match format {
        // the official client checks everything that a node has
        Format::Hysteria => Config {
            file: client_config::official(endpoint, secret, &client),
            warning: None,
        },
        Format::SingBox => Config {
            file: client_config::sing_box(endpoint, secret, &client),
            warning: client_config::sing_box_warning(endpoint).map(str::to_owned),
        },
    })
}

/// Where a node's server is, in addresses: what is sent there must not go through it.
fn addresses(node: &Node) -> Result<Vec<IpAddr>> {
    let address: Option<Address> = node.address.parse().ok();
    let host = address.and_then(|address| address.host().parse().ok());
    let own = node.own_addresses.iter().map(ipnet::IpNet::addr);
    let all: Vec<IpAddr> = host.into_iter().chain(own).collect();
    if all.is_empty() {
        return Err(Error::State(format!(
            "mode tun needs the addresses of node {}: give it own_addresses",
            node.name
        )));
    }
    Ok(all)
}

/// The first hundred nodes that a user may use, or the one that is asked for among all of them.
pub async fn nodes_for(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    only: Option<&str>,
) -> Result<Permitted> {
    let only = only.map(Named::from);
    let which = Which {
        named: only.as_ref(),
        ..Which::default()
    };
    let mut nodes = nodes::permitted(conn, user, which, MOST + 1).await?;
    if only.is_some() && nodes.is_empty() {
        return Err(Error::field("node", "the user has no right to such a node"));
    }
    let most = usize::try_from(MOST).unwrap_or(0);
    let more = nodes.len() > most;
    nodes.truncate(most);
    Ok(Permitted { nodes, more })
}

/// The first node that fits a profile among all that a user may use; `only` overrules the profile's own.
pub async fn node_for(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    profile: &Profile,
    only: Option<&str>,
) -> Result<Node> {
    let none = || Error::State("no node that fits the device's profile is permitted".to_owned());
    if only.is_some() {
        let mut asked = nodes_for(conn, user, only).await?.nodes.into_iter();
        return asked.find(|node| profile.accepts(node)).ok_or_else(none);
    }
    let which = Which {
        named: None,
        number: profile.node_no,
        obfs: profile.obfs,
    };
    let mut fits = nodes::permitted(conn, user, which, 1).await?;
    fits.pop().ok_or_else(none)
}

/// A node's disguise, its password opened.
pub fn disguise(keyring: &Keyring, node: &Node) -> Result<Option<(ObfsKind, SecretString)>> {
    let (Some(kind), Some(sealed)) = (node.obfs, &node.obfs_password_sealed) else {
        return Ok(None);
    };
    let place = place(&node.id, "obfs_password_sealed");
    Ok(Some((kind_of(kind), keyring.open(&place.get(), sealed)?)))
}

fn kind_of(kind: Disguise) -> ObfsKind {
    match kind {
        Disguise::Salamander => ObfsKind::Salamander,
        Disguise::Gecko => ObfsKind::Gecko,
    }
}

fn with_endpoint<T>(
    keyring: &Keyring,
    node: &Node,
    make: impl FnOnce(&Endpoint<'_>) -> T,
) -> Result<T> {
    let address: Address = node
        .address
        .parse()
        .map_err(|why| anyhow::anyhow!("{why}"))
        .with_context(|| format!("the address of node {}", node.name))?;
    let obfs = disguise(keyring, node)?;
    let endpoint = Endpoint {
        name: &node.name,
        address: &address,
        sni: node.sni.as_deref(),
        pin_sha256: node.pin_sha256.as_deref(),
        obfs: obfs.as_ref().map(|(kind, password)| Obfs {
            kind: *kind,
            password: password.expose_secret(),
        }),
    };
    Ok(make(&endpoint))
}
