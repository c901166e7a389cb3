//! Networks and addresses: `127.0.0.0/8`, `2001:db8::/32`, `203.0.113.7`.
use ipnet::IpNet;
use std::net::IpAddr;

/// Parses a network; a bare address is the network of itself alone.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.into());
    }
    let network: IpNet = text
        .parse()
        .map_err(|_| "is no network: say for instance 10.0.0.0/8 or 2001:db8::/32")?;
    if network.addr() != network.network() {
        return Err(format!(
            "has bits beyond its prefix: say {} or {}",
            network.trunc(),
            network.addr()
        ));
    }
    Ok(network)
}

/// Parses one address.
pub fn address(text: &str) -> Result<IpAddr, String> {
    text.trim()
        .parse()
        .map_err(|_| "is no IP address: say for instance 203.0.113.7 or 2001:db8::7".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks() {
        assert!(network("127.0.0.0/8").is_ok_and(|n| n.prefix_len() == 8));
        assert!(network("203.0.113.7").is_ok_and(|n| n.prefix_len() == 32));
        assert!(network("::1").is_ok_and(|n| n.prefix_len() == 128));
        assert!(network("10.1.0.0/8").is_err_and(|e| e.contains("10.0.0.0/8")));
        for text in ["", "10.0.0.0/33", "example.net", "10.0.0/8"] {
            assert!(network(text).is_err(), "{text}");
        }
        assert!(address("203.0.113.7").is_ok());
        assert!(address("203.0.113.7/32").is_err());
    }

    proptest! {
        #[test]
        fn addresses_round_trip(bits in any::<u128>()) {
            let address: IpAddr = std::net::Ipv6Addr::from_bits(bits).into();
            prop_assert_eq!(super::address(&address.to_string()), Ok(address));
            prop_assert_eq!(network(&address.to_string()), Ok(address.into()));
        }
        #[test]
        fn never_panics(text in "\\PC{0,24}") {
            let _ = network(&text);
            let _ = address(&text);
        }
    }
}
