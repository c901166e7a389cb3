//! The configuration of a node's Hysteria2 server, whole and ready: the hook, the stats API, and the rules that keep
//! customers away from the node itself and from its network.
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::{Address, Obfs, ObfsKind};

/// Where no customer may go through a node. There is no rule for `::ffff:0:0/96`: Go reads that network as all of
/// IPv4, and judges mapped addresses by the rules of IPv4 anyway.
const FORBIDDEN: [&str; 12] = [
    "127.0.0.0/8",
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "::/127",
    "64:ff9b::/96",
    "fc00::/7",
    "fe80::/10",
    "64:ff9b:1::/48",
];

/// Where the stats API listens if the URL does not say: a tunnel or a proxy with TLS stands before it.
const STATS_PORT: u16 = 9999;

/// What makes one node's configuration its own.
#[derive(Clone, Debug)]
pub struct Server<'a> {
    /// Names the certificate's files.
    pub name: &'a str,
    /// What clients dial; its ports are listened on.
    pub address: &'a Address,
    /// With the node's name and secret as userinfo.
    pub hook_url: &'a Url,
    /// Where we read the stats from.
    pub stats_url: &'a Url,
    /// The stats API's secret.
    pub stats_secret: &'a str,
    /// None: plain QUIC.
    pub obfs: Option<Obfs<'a>>,
    /// May be reached although a rule forbids it.
    pub allow_targets: &'a [IpNet],
    /// The node's own addresses.
    pub own_addresses: &'a [IpAddr],
    /// Bytes a second in each direction.
    pub line_rate: Option<u64>,
}

/// Hysteria's configuration, as far as we set it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "Hysteria's own words")]
pub struct ServerConfig {
    pub listen: String,
    pub tls: Tls,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obfs: Option<ObfsBlock>,
    pub quic: Quic,
    pub bandwidth: Bandwidth,
    pub ignore_client_bandwidth: bool,
    pub udp_idle_timeout: String,
    pub speed_test: bool,
    pub auth: Auth,
    pub traffic_stats: TrafficStats,
    pub sniff: Sniff,
    pub outbounds: Vec<Outbound>,
    pub acl: Acl,
    pub masquerade: Masquerade,
}

macro_rules! blocks {
    ($($name:ident { $($(#[$fattr:meta])* $field:ident: $type:ty),+ $(,)? })+) => { $(
        /// A block of [`ServerConfig`].
        #[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        #[expect(missing_docs, reason = "Hysteria's own words")]
        pub struct $name { $($(#[$fattr])* pub $field: $type),+ }
    )+ };
}

blocks! {
    Tls { cert: String, key: String, sni_guard: String }
    ObfsBlock {
        #[serde(rename = "type")] kind: String,
        #[serde(skip_serializing_if = "Option::is_none")] salamander: Option<Password>,
        #[serde(skip_serializing_if = "Option::is_none")] gecko: Option<Password>,
    }
    Password { password: String }
    Quic { max_idle_timeout: String, max_incoming_streams: u32 }
    Bandwidth { up: String, down: String }
    Auth { #[serde(rename = "type")] kind: String, http: HttpAuth }
    HttpAuth { url: String, insecure: bool }
    TrafficStats { listen: String, secret: String }
    Sniff { enable: bool }
    Outbound { name: String, #[serde(rename = "type")] kind: String, direct: Direct }
    Direct { mode: String }
    Acl { inline: Vec<String> }
    Masquerade { #[serde(rename = "type")] kind: String, string: StringSite }
    StringSite { content: String, headers: Headers, status_code: u16 }
    Headers { #[serde(rename = "content-type")] content_type: String }
}

impl ServerConfig {
    /// The configuration of this server.
    pub fn new(server: &Server<'_>) -> Self {
        let rate = server
            .line_rate
            .filter(|rate| *rate >= 65_536)
            .map_or_else(|| "1 gbps".to_owned(), bandwidth);
        Self {
            listen: format!(":{}", server.address.written_ports()),
            tls: Tls {
                cert: format!("/etc/hysteria/{}.crt", server.name),
                key: format!("/etc/hysteria/{}.key", server.name),
                sni_guard: "dns-san".into(),
            },
            obfs: server.obfs.map(obfs_block),
            quic: Quic {
                max_idle_timeout: "30s".into(),
                max_incoming_streams: 1024,
            },
            bandwidth: Bandwidth {
                up: rate.clone(),
                down: rate,
            },
            ignore_client_bandwidth: false,
            udp_idle_timeout: "60s".into(),
            speed_test: false,
            auth: Auth {
                kind: "http".into(),
                http: HttpAuth {
                    url: server.hook_url.to_string(),
                    // It knows no pin, so it would check nothing.
                    insecure: false,
                },
            },
            traffic_stats: TrafficStats {
                listen: stats_listen(server.stats_url),
                secret: server.stats_secret.into(),
            },
            // What a sniffer consumes is not counted.
            sniff: Sniff { enable: false },
            outbounds: vec![Outbound {
                name: "main".into(),
                kind: "direct".into(),
                direct: Direct {
                    mode: "auto".into(),
                },
            }],
            acl: Acl {
                inline: rules(server.allow_targets, server.own_addresses),
            },
            // A proxied site would be shown refused credentials.
            masquerade: Masquerade {
                kind: "string".into(),
                string: StringSite {
                    content: "not found".into(),
                    headers: Headers {
                        content_type: "text/plain".into(),
                    },
                    status_code: 404,
                },
            },
        }
    }

    /// The same as YAML.
    pub fn to_yaml(&self) -> Result<String, serde_yaml_ng::Error> {
        serde_yaml_ng::to_string(self)
    }
}

fn obfs_block(obfs: Obfs<'_>) -> ObfsBlock {
    let password = Some(Password {
        password: obfs.password.into(),
    });
    let (salamander, gecko) = match obfs.kind {
        ObfsKind::Salamander => (password, None),
        ObfsKind::Gecko => (None, password),
    };
    ObfsBlock {
        kind: obfs.kind.as_str().into(),
        salamander,
        gecko,
    }
}

/// The first rule that fits decides, so what is allowed goes ahead.
fn rules(allowed: &[IpNet], own: &[IpAddr]) -> Vec<String> {
    let allowed = allowed.iter().map(|net| format!("main({net})"));
    let forbidden = FORBIDDEN.iter().map(|net| format!("reject({net})"));
    let own = own.iter().map(|address| format!("reject({address})"));
    let end = ["reject(all, tcp/25)".to_owned(), "main(all)".to_owned()];
    allowed.chain(forbidden).chain(own).chain(end).collect()
}

/// Loopback, unless the URL names another address of the node that speaks without TLS.
fn stats_listen(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(STATS_PORT);
    match url.host() {
        Some(Host::Ipv6(v6)) if v6.is_loopback() => format!("[{v6}]:{port}"),
        Some(Host::Ipv4(v4)) if v4.is_loopback() => format!("{v4}:{port}"),
        Some(Host::Domain("localhost")) | None => format!("127.0.0.1:{port}"),
        Some(_) if url.scheme() == "https" => format!("127.0.0.1:{STATS_PORT}"),
        Some(host) => format!("{host}:{port}"),
    }
}

/// Hysteria takes whole numbers of bits a second with a unit.
pub(super) fn bandwidth(bytes: u64) -> String {
    let bits = bytes.saturating_mul(8);
    let units = [
        (1_000_000_000, "gbps"),
        (1_000_000, "mbps"),
        (1_000, "kbps"),
    ];
    units
        .iter()
        .find(|(size, _)| bits.is_multiple_of(*size))
        .map_or_else(
            || format!("{bits} bps"),
            |(size, unit)| format!("{} {unit}", bits / size),
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(stats: &str, edit: impl FnOnce(Server<'_>) -> ServerConfig) -> ServerConfig {
        let address: Address = "n1.example.net:443".parse().unwrap();
        let hook_url: Url = "https://n1:s3cret@auth.example.net/hook/v1/n1"
            .parse()
            .unwrap();
        let stats_url: Url = stats.parse().unwrap();
        let server = Server {
            name: "n1",
            address: &address,
            hook_url: &hook_url,
            stats_url: &stats_url,
            stats_secret: "random",
            obfs: None,
            allow_targets: &[],
            own_addresses: &[],
            line_rate: None,
        };
        edit(server)
    }

    #[test]
    fn is_the_reference_whole() {
        let own = [
            "203.0.113.7".parse().unwrap(),
            "2001:db8::7".parse().unwrap(),
        ];
        let made = config("http://127.0.0.1:9999", |server| {
            ServerConfig::new(&Server {
                own_addresses: &own,
                obfs: Some(Obfs {
                    kind: ObfsKind::Salamander,
                    password: "0123456789abcdef",
                }),
                ..server
            })
        });
        let expected = json!({
            "listen": ":443",
            "tls": {"cert": "/etc/hysteria/n1.crt", "key": "/etc/hysteria/n1.key", "sniGuard": "dns-san"},
            "obfs": {"type": "salamander", "salamander": {"password": "0123456789abcdef"}},
            "quic": {"maxIdleTimeout": "30s", "maxIncomingStreams": 1024},
            "bandwidth": {"up": "1 gbps", "down": "1 gbps"},
            "ignoreClientBandwidth": false,
            "udpIdleTimeout": "60s",
            "speedTest": false,
            "auth": {"type": "http", "http": {"url": "https://n1:s3cret@auth.example.net/hook/v1/n1", "insecure": false}},
            "trafficStats": {"listen": "127.0.0.1:9999", "secret": "random"},
            "sniff": {"enable": false},
            "outbounds": [{"name": "main", "type": "direct", "direct": {"mode": "auto"}}],
            "acl": {"inline": [
                "reject(127.0.0.0/8)", "reject(0.0.0.0/8)", "reject(10.0.0.0/8)", "reject(100.64.0.0/10)",
                "reject(169.254.0.0/16)", "reject(172.16.0.0/12)", "reject(192.168.0.0/16)", "reject(::/127)",
                "reject(64:ff9b::/96)", "reject(fc00::/7)", "reject(fe80::/10)", "reject(64:ff9b:1::/48)",
                "reject(203.0.113.7)", "reject(2001:db8::7)", "reject(all, tcp/25)", "main(all)",
            ]},
            "masquerade": {"type": "string", "string":
                {"content": "not found", "statusCode": 404, "headers": {"content-type": "text/plain"}}},
        });
        assert_eq!(serde_json::to_value(&made).unwrap(), expected);
        let yaml: ServerConfig = serde_yaml_ng::from_str(&made.to_yaml().unwrap()).unwrap();
        assert_eq!(yaml, made);
    }

    #[test]
    fn what_is_allowed_goes_ahead_and_gecko_has_its_own_block() {
        let allowed = ["127.0.0.0/8".parse().unwrap()];
        let made = config("http://127.0.0.1:9999", |server| {
            ServerConfig::new(&Server {
                allow_targets: &allowed,
                obfs: Some(Obfs {
                    kind: ObfsKind::Gecko,
                    password: "1234",
                }),
                line_rate: Some(125_000_000 / 2),
                ..server
            })
        });
        assert_eq!(
            made.acl.inline[..2],
            ["main(127.0.0.0/8)", "reject(127.0.0.0/8)"]
        );
        assert!(!made.acl.inline.iter().any(|rule| rule.contains("ffff")));
        let made = serde_json::to_value(&made).unwrap();
        assert_eq!(
            made["obfs"],
            json!({"type": "gecko", "gecko": {"password": "1234"}})
        );
        assert_eq!(made["bandwidth"]["up"], "500 mbps");
    }

    #[test]
    fn stats_listen_on_loopback_unless_the_url_names_another_address() {
        for (url, listen) in [
            ("http://127.0.0.1:9999", "127.0.0.1:9999"),
            ("http://[::1]:9998/", "[::1]:9998"),
            ("http://localhost:9998", "127.0.0.1:9998"),
            ("https://n1.example.net/stats", "127.0.0.1:9999"),
            ("http://203.0.113.7:9999", "203.0.113.7:9999"),
            ("http://[2001:db8::7]:9999", "[2001:db8::7]:9999"),
            ("http://n1.example.net:9999", "n1.example.net:9999"),
        ] {
            assert_eq!(
                config(url, |server| ServerConfig::new(&server))
                    .traffic_stats
                    .listen,
                listen,
                "{url}"
            );
        }
    }

    #[test]
    fn rates_are_whole_numbers_with_a_unit() {
        for (bytes, text) in [
            (125_000_000, "1 gbps"),
            (65_537, "524296 bps"),
            (70_000, "560 kbps"),
        ] {
            assert_eq!(bandwidth(bytes), text);
        }
        assert_eq!(
            config("http://127.0.0.1:1", |server| ServerConfig::new(&Server {
                line_rate: Some(9),
                ..server
            }))
            .bandwidth
            .up,
            "1 gbps"
        );
    }
}
