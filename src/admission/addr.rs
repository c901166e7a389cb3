//! Who somebody is on the network: an IPv4 address or an IPv6 /64, which is what one customer gets.
use ipnet::IpNet;
use std::net::IpAddr;

/// A client's address as limits and concurrency see it.
///
/// An IPv4 address takes the /64 that 6to4 gives it (RFC 3056: `2002:V4ADDR::/48`): the same host either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AddrKey(pub u64);

impl AddrKey {
    /// The key of an address; IPv4-mapped IPv6 counts as the IPv4 address that it is.
    pub fn of(addr: IpAddr) -> Self {
        match addr.to_canonical() {
            IpAddr::V4(v4) => Self(0x2002 << 48 | u64::from(u32::from(v4)) << 16),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self(
                    [a, b, c, d]
                        .iter()
                        .fold(0, |key, part| key << 16 | u64::from(*part)),
                )
            }
        }
    }
}

/// The network of which addresses have the same key.
pub fn network(addr: IpAddr) -> IpNet {
    let addr = addr.to_canonical();
    let bits = if addr.is_ipv4() { 32 } else { 64 };
    IpNet::new(addr, bits).map_or_else(|_| IpNet::from(addr), |net| net.trunc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customer_is_one_network() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:ffff::9"), "2001:db8:1:2::/64");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7/32");
    }

    fn key(text: &str) -> AddrKey {
        AddrKey::of(text.parse().unwrap())
    }

    #[test]
    fn one_customer_is_one_key() {
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::9"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_eq!(key("192.0.2.7"), key("::ffff:192.0.2.7"));
        assert_ne!(key("192.0.2.7"), key("192.0.2.8"));
        assert_ne!(key("0.0.0.0"), key("::"));
    }
}
