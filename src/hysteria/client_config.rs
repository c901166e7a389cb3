//! Whole configurations for clients: the official one and sing-box.
use std::net::{IpAddr, SocketAddr};

use serde_json::{Map, Value, json};

use super::{Endpoint, server_config::bandwidth};

/// What a client offers to the programs on its machine.
#[derive(Clone, Debug)]
pub enum Offers {
    /// A SOCKS5 proxy there.
    Socks5(SocketAddr),
    /// An HTTP proxy there.
    Http(SocketAddr),
    /// All of the machine's traffic, but that to the server itself at these addresses.
    Tun(Vec<IpAddr>),
}

/// How a client is to behave.
#[derive(Clone, Debug)]
pub struct Client {
    /// What it offers.
    pub offers: Offers,
    /// Bytes a second that its line carries up; `None`: not said.
    pub up: Option<u64>,
    /// Bytes a second down; `None`: not said.
    pub down: Option<u64>,
    /// Connects with the first request and not before.
    pub lazy: bool,
    /// Answers its programs before the server has answered.
    pub fast_open: bool,
}

impl Client {
    /// A SOCKS5 proxy, and nothing special.
    pub fn socks5(listen: SocketAddr) -> Self {
        Self {
            offers: Offers::Socks5(listen),
            up: None,
            down: None,
            lazy: false,
            fast_open: false,
        }
    }
}

/// The official client's configuration.
pub fn official(endpoint: &Endpoint<'_>, auth: &str, client: &Client) -> Value {
    let mut config = Map::new();
    let mut say = |name: &str, value: Value| config.insert(name.to_owned(), value);
    say("server", endpoint.address.to_string().into());
    say("auth", auth.into());
    let mut tls = Map::new();
    if let Some(sni) = endpoint.sni {
        tls.insert("sni".into(), sni.into());
    }
    // A pin alone does not replace the check by a CA; `insecure` without one would check nothing.
    if let Some(pin) = endpoint.pin_sha256 {
        tls.insert("insecure".into(), true.into());
        tls.insert("pinSHA256".into(), pin.into());
    }
    if !tls.is_empty() {
        say("tls", tls.into());
    }
    if let Some(obfs) = endpoint.obfs {
        let kind = obfs.kind.as_str();
        say(
            "obfs",
            json!({"type": kind, kind: {"password": obfs.password}}),
        );
    }
    if endpoint.address.single_port().is_none() {
        say(
            "transport",
            json!({"type": "udp", "udp": {"hopInterval": "30s"}}),
        );
    }
    let mut rates = Map::new();
    for (name, rate) in [("up", client.up), ("down", client.down)] {
        if let Some(rate) = rate {
            rates.insert(name.into(), bandwidth(rate).into());
        }
    }
    if !rates.is_empty() {
        say("bandwidth", rates.into());
    }
    for (name, on) in [("lazy", client.lazy), ("fastOpen", client.fast_open)] {
        if on {
            say(name, true.into());
        }
    }
    match &client.offers {
        Offers::Socks5(listen) => say("socks5", json!({"listen": listen.to_string()})),
        Offers::Http(listen) => say("http", json!({"listen": listen.to_string()})),
        Offers::Tun(server) => say("tun", tun(server)),
    };
    config.into()
}

/// A TUN device that takes everything but the way to the server, which would otherwise run through itself.
fn tun(server: &[IpAddr]) -> Value {
    let only = |v4: bool, bits: u8| -> Vec<String> {
        let of = server.iter().filter(|addr| addr.is_ipv4() == v4);
        of.map(|addr| format!("{addr}/{bits}")).collect()
    };
    json!({
        "name": "hytun",
        "mtu": 1500,
        "timeout": "5m",
        "address": {"ipv4": "100.100.100.101/30", "ipv6": "2001::ffff:ffff:ffff:fff1/126"},
        "route": {
            "ipv4": ["0.0.0.0/0"],
            "ipv6": ["2000::/3"],
            "ipv4Exclude": only(true, 32),
            "ipv6Exclude": only(false, 128),
        },
    })
}

/// sing-box's configuration; it has nothing lazy and opens fast anyway. It knows no pin of a certificate, so the server's must
/// be one that the machine trusts: see [`sing_box_warning`].
pub fn sing_box(endpoint: &Endpoint<'_>, auth: &str, client: &Client) -> Value {
    let address = endpoint.address;
    let mut outbound = Map::new();
    let mut say = |name: &str, value: Value| outbound.insert(name.to_owned(), value);
    say("type", "hysteria2".into());
    say("tag", "hywarden".into());
    say("server", address.host().into());
    if let Some(port) = address.single_port() {
        say("server_port", port.into());
    } else {
        let ranges = address.ports().iter();
        let ranges = ranges.map(|(from, to)| format!("{from}:{to}"));
        say("server_ports", ranges.collect());
        say("hop_interval", "30s".into());
    }
    say("password", auth.into());
    if let Some(obfs) = endpoint.obfs {
        say(
            "obfs",
            json!({"type": obfs.kind.as_str(), "password": obfs.password}),
        );
    }
    for (name, rate) in [("up_mbps", client.up), ("down_mbps", client.down)] {
        if let Some(rate) = rate {
            say(name, rate.saturating_mul(8).div_ceil(1_000_000).into());
        }
    }
    let sni = endpoint.sni.unwrap_or(address.host());
    say(
        "tls",
        json!({"enabled": true, "server_name": sni, "alpn": ["h3"]}),
    );
    let proxy = |kind: &str, at: &SocketAddr| json!({"type": kind, "tag": kind, "listen": at.ip().to_string(), "listen_port": at.port()});
    let (inbound, route) = match &client.offers {
        Offers::Socks5(listen) => (proxy("socks", listen), json!({"final": "hywarden"})),
        Offers::Http(listen) => (proxy("http", listen), json!({"final": "hywarden"})),
        Offers::Tun(_) => (
            json!({
                "type": "tun", "tag": "tun", "address": ["172.19.0.1/30", "fdfe:dcba:9876::1/126"],
                "auto_route": true, "strict_route": true,
            }),
            json!({"final": "hywarden", "auto_detect_interface": true}),
        ),
    };
    json!({
        "log": {"level": "warn"},
        "inbounds": [inbound],
        "outbounds": [outbound],
        "route": route,
    })
}

/// What the user of a sing-box configuration must be told.
pub fn sing_box_warning(endpoint: &Endpoint<'_>) -> Option<&'static str> {
    endpoint.pin_sha256.map(|_| {
        "sing-box cannot check the pinned certificate: it connects only if the server's certificate is one that the \
         client's machine trusts"
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Address, Obfs, ObfsKind},
        *,
    };

    #[test]
    fn the_official_client_gets_every_key() {
        let address: Address = "n1.example.net:443".parse().unwrap();
        let mut endpoint = Endpoint {
            name: "n1",
            address: &address,
            sni: None,
            pin_sha256: None,
            obfs: None,
        };
        let socks5 = Client::socks5("127.0.0.1:1080".parse().unwrap());
        assert_eq!(
            official(&endpoint, "a:b", &socks5),
            json!({"server": "n1.example.net:443", "auth": "a:b", "socks5": {"listen": "127.0.0.1:1080"}})
        );
        let address: Address = "[2001:db8::1]:443,20000-30000".parse().unwrap();
        endpoint = Endpoint {
            name: "n1",
            address: &address,
            sni: Some("s"),
            pin_sha256: Some("ab"),
            obfs: Some(Obfs {
                kind: ObfsKind::Salamander,
                password: "1234",
            }),
        };
        assert_eq!(
            official(&endpoint, "x", &socks5),
            json!({
                "server": "[2001:db8::1]:443,20000-30000", "auth": "x", "socks5": {"listen": "127.0.0.1:1080"},
                "tls": {"sni": "s", "insecure": true, "pinSHA256": "ab"},
                "obfs": {"type": "salamander", "salamander": {"password": "1234"}},
                "transport": {"type": "udp", "udp": {"hopInterval": "30s"}},
            })
        );
    }

    #[test]
    fn a_profile_says_how_the_client_behaves() {
        let address: Address = "192.0.2.7:443".parse().unwrap();
        let endpoint = Endpoint {
            name: "n1",
            address: &address,
            sni: None,
            pin_sha256: None,
            obfs: None,
        };
        let mut client = Client {
            offers: Offers::Http("127.0.0.1:8080".parse().unwrap()),
            up: Some(2_500_000),
            down: None,
            lazy: true,
            fast_open: true,
        };
        assert_eq!(
            official(&endpoint, "x", &client),
            json!({
                "server": "192.0.2.7:443", "auth": "x", "http": {"listen": "127.0.0.1:8080"},
                "bandwidth": {"up": "20 mbps"}, "lazy": true, "fastOpen": true,
            })
        );
        let config = sing_box(&endpoint, "x", &client);
        assert_eq!(config["inbounds"][0]["type"], "http");
        assert_eq!(config["outbounds"][0]["up_mbps"], 20);
        client.offers = Offers::Tun(vec![
            "192.0.2.7".parse().unwrap(),
            "2001:db8::7".parse().unwrap(),
        ]);
        let config = official(&endpoint, "x", &client);
        let route = &config["tun"]["route"];
        assert_eq!(route["ipv4Exclude"], json!(["192.0.2.7/32"]));
        assert_eq!(route["ipv6Exclude"], json!(["2001:db8::7/128"]));
        assert_eq!(
            sing_box(&endpoint, "x", &client)["inbounds"][0]["type"],
            "tun"
        );
    }

    #[test]
    fn sing_box_gets_its_own_words_and_never_insecure() {
        let address: Address = "[2001:db8::1]:443,20000-30000".parse().unwrap();
        let endpoint = Endpoint {
            name: "n1",
            address: &address,
            sni: None,
            pin_sha256: Some("ab"),
            obfs: Some(Obfs {
                kind: ObfsKind::Gecko,
                password: "1234",
            }),
        };
        let client = Client::socks5("[::1]:1080".parse().unwrap());
        let config = sing_box(&endpoint, "x", &client);
        assert!(!config.to_string().contains("insecure"));
        assert!(sing_box_warning(&endpoint).is_some());
        assert_eq!(config["inbounds"][0]["listen"], "::1");
        let outbound = &config["outbounds"][0];
        assert_eq!(outbound["server"], "2001:db8::1");
        assert_eq!(outbound["server_ports"], json!(["443:443", "20000:30000"]));
        assert_eq!(
            outbound["obfs"],
            json!({"type": "gecko", "password": "1234"})
        );
        assert_eq!(outbound.get("server_port"), None);
    }
}
