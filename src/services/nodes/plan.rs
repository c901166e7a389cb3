//! What may stand in a node's row, and which of its paths would be readable by others.
use crate::{error::Result, services::fields::Fields};
use anyhow::{Context, anyhow};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Slower lines are not worth a check, and Hysteria takes no lower bandwidth.
pub(super) const SLOWEST: i64 = 65_536;
/// No line is faster, and nothing that is reckoned with it overflows.
pub(super) const FASTEST: i64 = 1 << 50;
/// The most entries of a list.
pub(super) const ENTRIES: u64 = 256;

/// What the settings say about nodes.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Where stats may be read; empty: anywhere.
    pub allowed_cidrs: Vec<IpNet>,
    /// How nodes reach the hook; `None`: at the listener.
    pub public_url: Option<Url>,
    /// The listener that answers the hook.
    pub hook_listen: SocketAddr,
    /// Whether that listener speaks TLS.
    pub tls: bool,
}

/// Which path of a node is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    Hook,
    Stats,
}

impl Path {
    /// As it stands in `allow_plaintext`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hook => "hook",
            Self::Stats => "stats",
        }
    }
    fn exposes(self) -> &'static str {
        match self {
            Self::Hook => {
                "whoever sits on the path sees the secret of every device that logs in and the node's own, and can admit or refuse anybody"
            }
            Self::Stats => {
                "whoever sits on the path sees the stats secret and who is online from where to where, and can kick anybody and empty the counters"
            }
        }
    }
    /// Why it is refused.
    pub fn refusal(self, url: &Url) -> String {
        let word = self.as_str();
        let mend = match self {
            Self::Hook => "set server.public_url to an https address",
            Self::Stats => "put TLS or a tunnel before it",
        };
        format!(
            "{} is plain HTTP off loopback: {}. {mend}, or accept it with allow_plaintext {word}",
            origin(url),
            self.exposes()
        )
    }
    /// What is told to somebody who has accepted it.
    pub fn warning(self, url: &Url) -> String {
        format!(
            "{} is plain HTTP off loopback: {}",
            origin(url),
            self.exposes()
        )
    }
}

impl Policy {
    /// Where nodes call the hook, and what to know about that.
    pub fn hook_base(&self) -> Result<(Url, Option<&'static str>)> {
        if let Some(url) = &self.public_url {
            return Ok((url.clone(), None));
        }
        let mut addr = self.hook_listen;
        let everywhere = addr.ip().is_unspecified();
        if everywhere {
            addr.set_ip(match addr {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            });
        }
        let scheme = if self.tls { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{addr}/")).context("the hook's address")?;
        let note = everywhere.then_some(
            "server.public_url is not set, so the hook URL names loopback: a server on another machine cannot reach it",
        );
        Ok((url, note))
    }

    /// A node's hook URL with its name and secret, which Hysteria sends as Basic auth.
    pub fn hook_url(&self, node: &str, secret: &str) -> Result<Url> {
        let (mut url, _) = self.hook_base()?;
        let whole = url.path_segments_mut().is_ok_and(|mut path| {
            path.pop_if_empty().extend(["hook", "v1", node]);
            true
        }) && url.set_username(node).is_ok()
            && url.set_password(Some(secret)).is_ok();
        if whole {
            Ok(url)
        } else {
            Err(anyhow!("server.public_url cannot carry the hook's path").into())
        }
    }

    /// Checks a stats URL; gives its scheme, host and port, which belong to one live node.
    pub fn stats_url(&self, text: &str) -> Result<Url, String> {
        let url = Url::parse(text).map_err(|why| format!("is no URL: {why}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must be http or https".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "must not hold a user or password: the secret goes into stats_secret".to_owned(),
            );
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("must be scheme, host and port only: the paths are Hysteria's".to_owned());
        }
        let address = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6).to_canonical()),
            Some(Host::Domain(_)) => None,
            None => return Err("has no host".to_owned()),
        };
        let inside = |addr: IpAddr| self.allowed_cidrs.iter().any(|net| net.contains(&addr));
        if !self.allowed_cidrs.is_empty() && address.is_some_and(|addr| !inside(addr)) {
            return Err("lies outside nodes.allowed_cidrs".to_owned());
        }
        Ok(url)
    }
}

/// Whether everybody between here and there could read along.
pub fn is_exposed(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(v4)) => v4.is_loopback(),
        Some(Host::Ipv6(v6)) => v6.to_canonical().is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    url.scheme() != "https" && !loopback
}

/// Scheme, host and port.
pub fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// A pin in the form that is stored: 64 lower-case hex digits.
pub fn pin(text: &str) -> Result<String, &'static str> {
    let hex: String = text
        .chars()
        .filter(|c| *c != ':')
        .collect::<String>()
        .to_ascii_lowercase();
    if hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        Ok(hex)
    } else {
        Err("must be the SHA-256 of the certificate: 64 hex digits")
    }
}

/// A TLS server name.
pub fn sni(text: &str) -> Result<String, &'static str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    if text.len() <= 253 && text.split('.').all(label) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("is no host name in ASCII")
    }
}

/// A secret that HTTP can carry.
pub fn header_secret(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("must not be empty: anybody who reaches the stats API could kick everybody")
    } else if text.len() > 256 || !text.bytes().all(|b| b.is_ascii_graphic()) {
        Err("must be at most 256 visible ASCII characters")
    } else {
        Ok(())
    }
}

/// A network, or an address as one.
pub fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map(|net: IpNet| net.trunc())
        .map_err(|_| format!("{text:?} is no address and no network"))
}

/// Many networks under one field's name.
pub fn networks(fields: &mut Fields, field: &str, texts: &[String]) -> Vec<IpNet> {
    texts
        .iter()
        .filter_map(|text| fields.take(field, network(text)))
        .collect()
}

/// Many addresses under one field's name.
pub fn addresses(fields: &mut Fields, field: &str, texts: &[String]) -> Vec<IpNet> {
    texts
        .iter()
        .filter_map(|text| {
            let addr = text.parse::<IpAddr>();
            fields.take(field, addr.map_err(|_| format!("{text:?} is no address")))
        })
        .map(IpNet::from)
        .collect()
}

/// The words of `allow_plaintext`.
pub fn plaintext(fields: &mut Fields, words: &[String]) -> Vec<Path> {
    words
        .iter()
        .filter_map(|word| {
            let path = [Path::Hook, Path::Stats]
                .into_iter()
                .find(|path| path.as_str() == word);
            fields.take("allow_plaintext", path.ok_or("holds hook, stats or both"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(public: Option<&str>, listen: &str) -> Policy {
        Policy {
            allowed_cidrs: vec!["10.0.0.0/8".parse().unwrap()],
            public_url: public.map(|u| u.parse().unwrap()),
            hook_listen: listen.parse().unwrap(),
            tls: false,
        }
    }

    #[test]
    fn the_hook_is_where_nodes_reach_it() {
        let hook = |p: &Policy| p.hook_url("n1", "s3cret").unwrap().to_string();
        let public = policy(Some("https://auth.example.net/panel/"), "0.0.0.0:80");
        assert_eq!(
            hook(&public),
            "https://n1:s3cret@auth.example.net/panel/hook/v1/n1"
        );
        let here = policy(None, "0.0.0.0:8080");
        assert_eq!(hook(&here), "http://n1:s3cret@127.0.0.1:8080/hook/v1/n1");
        assert!(here.hook_base().unwrap().1.is_some());
        let v6 = policy(None, "[2001:db8::1]:8080");
        assert_eq!(hook(&v6), "http://n1:s3cret@[2001:db8::1]:8080/hook/v1/n1");
        assert!(is_exposed(&v6.hook_base().unwrap().0));
    }

    #[test]
    fn stats_urls_are_origins_inside_the_allowed_networks() {
        let policy = policy(None, "127.0.0.1:1");
        for (text, stored) in [
            ("http://10.0.0.1:9999", "http://10.0.0.1:9999"),
            ("HTTPS://N1.Example.NET:443/", "https://n1.example.net"),
        ] {
            assert_eq!(origin(&policy.stats_url(text).unwrap()), stored);
        }
        for wrong in [
            "10.0.0.1:9999",
            "ftp://10.0.0.1",
            "http://192.168.0.1:1",
            "http://[::ffff:192.168.0.1]:1",
            "http://u:p@10.0.0.1",
            "http://10.0.0.1/stats",
            "http://10.0.0.1?x=1",
            "",
        ] {
            assert!(policy.stats_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn plain_http_is_seen() {
        for (url, exposed) in [
            ("http://127.0.0.1:1", false),
            ("http://[::1]:1", false),
            ("http://localhost:1", false),
            ("https://198.51.100.1", false),
            ("http://198.51.100.1", true),
            ("http://localhost.example.net", true),
        ] {
            assert_eq!(is_exposed(&url.parse().unwrap()), exposed, "{url}");
        }
    }
}
