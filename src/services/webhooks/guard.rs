//! Whom a webhook may call: public addresses by https. Judged when the URL is given, and again for every address that is
//! dialled, so that a name whose answer flips after the check leads nowhere.
use futures_util::future::BoxFuture;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, LazyLock},
};
use url::{Host, Url};

/// The longest URL.
const LONGEST: usize = 2_048;

/// Who turns names into addresses.
pub trait Names: Send + Sync {
    /// All addresses of a name.
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemNames;

impl Names for SystemNames {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|found| found.ip()).collect())
        })
    }
}

/// What may be called.
#[derive(Clone)]
pub struct Guard {
    names: Arc<dyn Names>,
    ports: Arc<[u16]>,
    /// Networks that are not public and may be called all the same.
    exceptions: Arc<[IpNet]>,
}

impl Guard {
    /// Public addresses and these networks, at these ports.
    pub fn new(names: Arc<dyn Names>, ports: &[u16], exceptions: &[IpNet]) -> Self {
        Self {
            names,
            ports: ports.into(),
            exceptions: exceptions.into(),
        }
    }

    /// A URL that may be kept. A name that cannot be resolved now is judged when it is called.
    pub async fn check(&self, text: &str) -> Result<Url, String> {
        let url = self.judge(text)?;
        if let Some(Host::Domain(name)) = url.host()
            && let Ok(found) = self.names.lookup(name.to_owned()).await
            && let Some(bad) = found.iter().find(|addr| !self.allows(**addr))
        {
            return Err(format!("leads to {bad}, which is not public"));
        }
        Ok(url)
    }

    /// What can be said of a URL without asking anybody.
    pub fn judge(&self, text: &str) -> Result<Url, String> {
        if text.len() > LONGEST {
            return Err(format!("must have at most {LONGEST} bytes"));
        }
        let url = Url::parse(text).map_err(|why| format!("is no URL: {why}"))?;
        if url.scheme() != "https" {
            return Err("must be https".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not hold a name or password".to_owned());
        }
        if url.fragment().is_some() {
            return Err("must not hold a fragment".to_owned());
        }
        let port = url.port_or_known_default().unwrap_or(0);
        if !self.ports.contains(&port) {
            return Err(format!("port {port} is not among webhooks.ports"));
        }
        let literal = match url.host() {
            None => return Err("names no host".to_owned()),
            Some(Host::Ipv4(addr)) => Some(IpAddr::V4(addr)),
            Some(Host::Ipv6(addr)) => Some(IpAddr::V6(addr)),
            Some(Host::Domain(name)) => {
                self.judge_name(name)?;
                None
            }
        };
        match literal.filter(|addr| !self.allows(*addr)) {
            Some(addr) => Err(format!("{addr} is not a public address")),
            None => Ok(url),
        }
    }

    /// Names that are never public, and names that spell out an address that is not.
    fn judge_name(&self, name: &str) -> Result<(), String> {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let private = [
            "localhost",
            "local",
            "internal",
            "lan",
            "home.arpa",
            "onion",
        ];
        let is_private = |zone: &&str| name == **zone || name.ends_with(&format!(".{zone}"));
        if private.iter().any(is_private) || !name.contains('.') {
            return Err("is a name of a private network".to_owned());
        }
        match spelled(&name).filter(|addr| !self.allows(IpAddr::V4(*addr))) {
            Some(addr) => Err(format!("spells out {addr}, which is not public")),
            None => Ok(()),
        }
    }

    fn allows(&self, addr: IpAddr) -> bool {
        self.exceptions.iter().any(|net| net.contains(&addr)) || is_public(addr)
    }
}

/// What is dialled has passed here: one address that is not allowed refuses the whole name.
impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = guard.names.lookup(name.as_str().to_owned()).await?;
            if found.is_empty() || found.iter().any(|addr| !guard.allows(*addr)) {
                return Err(Refused.into());
            }
            let found = found.into_iter().map(|addr| SocketAddr::new(addr, 0));
            let addrs: Addrs = Box::new(found);
            Ok(addrs)
        })
    }
}

/// The name led to an address that may not be called.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
pub struct Refused;

/// An IPv4 address within a name, as nip.io and its like take it: `127.0.0.1.nip.io`, `app-10-0-0-1.sslip.io`,
/// `7f000001.nip.io`.
fn spelled(name: &str) -> Option<Ipv4Addr> {
    let labels: Vec<&str> = name.split('.').collect();
    let dotted = labels
        .windows(4)
        .filter_map(|four| four.join(".").parse().ok());
    let dashed = labels.iter().flat_map(|label| {
        let parts: Vec<&str> = label.split('-').collect();
        let found: Vec<Ipv4Addr> = parts
            .windows(4)
            .filter_map(|four| four.join(".").parse().ok())
            .collect();
        found
    });
    let hex = labels
        .iter()
        .flat_map(|label| label.split('-'))
        .filter(|part| part.len() == 8)
        .filter_map(|part| u32::from_str_radix(part, 16).ok().map(Ipv4Addr::from));
    let mut found = dotted.chain(dashed).chain(hex);
    // the first that is not public says enough
    let first = found.next()?;
    Some(
        std::iter::once(first)
            .chain(found)
            .find(|a| !is_public_v4(*a))
            .unwrap_or(first),
    )
}

/// Whether anybody on the Internet could be called so.
pub fn is_public(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => is_public_v4(addr),
        IpAddr::V6(addr) => is_public_v6(addr),
    }
}

/// Networks that are nobody's, one's own, or lead to another network's addresses. Of IPv6 only 2000::/3 was ever given out,
/// so only what lies in there is listed.
const SPECIAL: [&str; 23] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    // Teredo, benchmarks, ORCHID, documentation
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    // 6to4, documentation, the old 6bone
    "2002::/16",
    "3fff::/20",
    "3ffe::/16",
];

static NETWORKS: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let parsed = SPECIAL.iter().filter_map(|net| net.parse().ok());
    parsed.collect()
});

fn is_special(addr: IpAddr) -> bool {
    NETWORKS.iter().any(|net| net.contains(&addr))
}

fn is_public_v4(addr: Ipv4Addr) -> bool {
    !is_special(IpAddr::V4(addr))
}

fn is_public_v6(addr: Ipv6Addr) -> bool {
    // NAT64: the address that is meant stands inside
    match addr.octets() {
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, inner @ ..] => {
            is_public_v4(Ipv4Addr::from(inner))
        }
        [first, ..] => first & 0xe0 == 0x20 && !is_special(IpAddr::V6(addr)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_is_read() {
        assert_eq!(NETWORKS.len(), SPECIAL.len());
    }
}
