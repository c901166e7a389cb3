//! Who may be called, and how: no redirects, no proxy of the environment, no address outside the settings.
use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use secrecy::SecretString;
use url::{Host, Url};

use super::{StatsClient, StatsError};

/// Dials nodes; cheap to clone, one for all of them.
#[derive(Clone, Debug)]
pub struct Dialer {
    pub(super) http: reqwest::Client,
    allowed: Arc<[IpNet]>,
}

impl Dialer {
    /// Calls addresses inside `allowed` only; an empty list allows all.
    pub fn new(allowed: &[IpNet]) -> Result<Self, StatsError> {
        let allowed: Arc<[IpNet]> = allowed.into();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .tcp_nodelay(true)
            .dns_resolver(Arc::new(Allowed(allowed.clone())))
            .build()?;
        Ok(Self { http, allowed })
    }

    /// A client of one node's stats API.
    pub fn node(&self, base: Url, secret: SecretString) -> StatsClient {
        StatsClient::new(self.clone(), base, secret)
    }

    /// An address that is written in the URL never meets the resolver.
    pub(super) fn may_call(&self, url: &Url) -> Result<(), StatsError> {
        let address = match url.host() {
            Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
            _ => return Ok(()),
        };
        if is_allowed(&self.allowed, address) {
            Ok(())
        } else {
            Err(StatsError::NotAllowed(address.to_string()))
        }
    }
}

fn is_allowed(allowed: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    allowed.is_empty() || allowed.iter().any(|net| net.contains(&address))
}

#[derive(Debug)]
struct Allowed(Arc<[IpNet]>);

impl Resolve for Allowed {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let inside: Vec<_> = found
                .filter(|found| is_allowed(&allowed, found.ip()))
                .collect();
            if inside.is_empty() {
                return Err("no address of it is inside nodes.allowed_cidrs".into());
            }
            let inside: Addrs = Box::new(inside.into_iter());
            Ok(inside)
        })
    }
}
