//! Whole configurations for clients: the official one and sing-box.
use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use super::Endpoint;

/// The official client's configuration, with a SOCKS5 proxy on `socks5`.
pub fn official(endpoint: &Endpoint<'_>, auth: &str, socks5: SocketAddr) -> Value {
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
    say("socks5", json!({"listen": socks5.to_string()}));
    config.into()
}

/// sing-box's configuration, with a SOCKS5 proxy on `socks5`. It knows no pin of a certificate, so the server's must
/// be one that the machine trusts: see [`sing_box_warning`].
pub fn sing_box(endpoint: &Endpoint<'_>, auth: &str, socks5: SocketAddr) -> Value {
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
    let sni = endpoint.sni.unwrap_or(address.host());
    say(
        "tls",
        json!({"enabled": true, "server_name": sni, "alpn": ["h3"]}),
    );
    json!({
        "log": {"level": "warn"},
        "inbounds": [{
            "type": "socks",
            "tag": "socks",
            "listen": socks5.ip().to_string(),
            "listen_port": socks5.port(),
        }],
        "outbounds": [outbound],
        "route": {"final": "hywarden"},
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
        let socks5 = "127.0.0.1:1080".parse().unwrap();
        assert_eq!(
            official(&endpoint, "a:b", socks5),
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
            official(&endpoint, "x", socks5),
            json!({
                "server": "[2001:db8::1]:443,20000-30000", "auth": "x", "socks5": {"listen": "127.0.0.1:1080"},
                "tls": {"sni": "s", "insecure": true, "pinSHA256": "ab"},
                "obfs": {"type": "salamander", "salamander": {"password": "1234"}},
                "transport": {"type": "udp", "udp": {"hopInterval": "30s"}},
            })
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
        let config = sing_box(&endpoint, "x", "[::1]:1080".parse().unwrap());
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
