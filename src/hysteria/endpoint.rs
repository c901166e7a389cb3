//! How a client reaches a server: its address with one port or several, its disguise, how its certificate is checked.
use std::{fmt, net::Ipv6Addr, str::FromStr};

/// How packets are disguised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObfsKind {
    /// XOR by a salted hash.
    Salamander,
    /// Salamander over split handshakes.
    Gecko,
}

impl ObfsKind {
    /// The word that Hysteria uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Salamander => "salamander",
            Self::Gecko => "gecko",
        }
    }
}

/// A disguise with its password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Obfs<'a> {
    /// Which one.
    pub kind: ObfsKind,
    /// Shared by the server and all its clients; at least 4 bytes.
    pub password: &'a str,
}

impl fmt::Debug for Obfs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.as_str())
    }
}

/// What a client must know of a server.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint<'a> {
    /// What stands beside the address in a client's list.
    pub name: &'a str,
    /// Where it listens.
    pub address: &'a Address,
    /// TLS server name; none: the host.
    pub sni: Option<&'a str>,
    /// Hex SHA-256 of the leaf certificate, checked instead of a CA.
    pub pin_sha256: Option<&'a str>,
    /// None: plain QUIC.
    pub obfs: Option<Obfs<'a>>,
}

/// `host:port`, or `host:port,from-to` where clients hop; the port is always written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    ports: Vec<(u16, u16)>,
}

impl Address {
    /// Without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// From and to, as they were written; the two are the same for a single port.
    pub fn ports(&self) -> &[(u16, u16)] {
        &self.ports
    }

    /// The one port, if clients do not hop.
    pub fn single_port(&self) -> Option<u16> {
        match self.ports[..] {
            [(from, to)] if from == to => Some(from),
            _ => None,
        }
    }

    /// As they stand behind the colon.
    pub fn written_ports(&self) -> String {
        let ports: Vec<String> = self
            .ports
            .iter()
            .map(|&(from, to)| {
                if from == to {
                    from.to_string()
                } else {
                    format!("{from}-{to}")
                }
            })
            .collect();
        ports.join(",")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ports = self.written_ports();
        if self.host.contains(':') {
            write!(f, "[{}]:{ports}", self.host)
        } else {
            write!(f, "{}:{ports}", self.host)
        }
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, ports) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or("has no closing bracket")?;
            let host: Ipv6Addr = host.parse().map_err(|_| "is no IPv6 address")?;
            let ports = rest.strip_prefix(':').ok_or("has no port")?;
            (host.to_string(), ports)
        } else {
            let (host, ports) = text.rsplit_once(':').ok_or("has no port")?;
            if host.contains(':') {
                return Err("is an IPv6 address without brackets");
            }
            if !is_host(host) {
                return Err("is no host name in ASCII and no address");
            }
            (host.to_ascii_lowercase(), ports)
        };
        let ports: Option<Vec<_>> = ports.split(',').map(range).collect();
        Ok(Self {
            host,
            ports: ports.ok_or("has a port that is none")?,
        })
    }
}

fn is_host(host: &str) -> bool {
    !host.is_empty()
        && host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

fn range(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|port| digits && *port > 0)
    };
    let (from, to): (u16, u16) = (port(from)?, port(to)?);
    (from <= to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, host, written) in [
            ("n1.Example.net:443", "n1.example.net", "n1.example.net:443"),
            ("192.0.2.1:8443", "192.0.2.1", "192.0.2.1:8443"),
            ("[2001:DB8:0::1]:443", "2001:db8::1", "[2001:db8::1]:443"),
            ("h:443,20000-30000", "h", "h:443,20000-30000"),
            ("h:20000-30000", "h", "h:20000-30000"),
            ("h:443-443", "h", "h:443"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(
                (address.host(), address.to_string().as_str()),
                (host, written),
                "{text}"
            );
        }
        for wrong in [
            "",
            "h",
            "h:",
            ":443",
            "h:0",
            "h:65536",
            "h:+1",
            "h:1-",
            "h:5-4",
            "h:1,,2",
            "2001:db8::1:443",
            "[2001:db8::1]",
            "[h]:1",
            "[::1:1",
            "h h:1",
            "a..b:1",
            "h/x:1",
            "u@h:1",
            "münchen.de:1",
        ] {
            assert!(wrong.parse::<Address>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let obfs = Obfs {
            kind: ObfsKind::Gecko,
            password: "sesame",
        };
        assert_eq!(format!("{obfs:?}"), "gecko");
    }
}
