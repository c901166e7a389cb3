//! What we generate, taken by real peers, with a trivial hook in the program's place.
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
};

use hywarden::hysteria::{Address, Endpoint, Obfs, ObfsKind, client_config, server_config, uri};

use crate::harness::{
    certificate::{self, Certificate},
    clients::{Client, check_sing_box},
    folder::Folder,
    free,
    hysteria::Hysteria,
    socks::Datagrams,
    target::Target,
};

/// Lets the credential `good` in, whoever asks.
fn trivial_hook() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                match line.trim_end().split_once(": ") {
                    Some(("Content-Length", value)) => length = value.parse().unwrap(),
                    Some(_) => {}
                    None if line.starts_with("POST ") => {}
                    None => break,
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let answer = if body["auth"] == "g:o od" {
                r#"{"ok":true,"id":"one"}"#
            } else {
                r#"{"ok":false,"id":""}"#
            };
            let length = answer.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            (&stream).write_all((head + answer).as_bytes()).unwrap();
        }
    });
    addr
}

/// Whether an HTTP proxy opens a way there.
fn opens(proxy: SocketAddr, target: SocketAddr) -> bool {
    let mut stream = TcpStream::connect(proxy).unwrap();
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    BufReader::new(&stream).read_line(&mut answer).unwrap();
    answer.contains(" 200 ")
}

/// H5: sing-box takes every mode of a profile.
fn takes_every_mode(folder: &Folder, endpoint: &Endpoint<'_>, profile: &client_config::Client) {
    let around = vec!["192.0.2.7".parse().unwrap()];
    for offers in [client_config::Offers::Tun(around), profile.offers.clone()] {
        let of_mode = client_config::Client {
            offers,
            ..profile.clone()
        };
        let config = client_config::sing_box(endpoint, "g:o od", &of_mode);
        check_sing_box(folder, "mode.json", &config);
    }
}

#[test]
fn peers_take_what_we_generate() {
    let folder = Folder::new();
    let certificate = Certificate::new(&folder);
    let target = Target::start();
    let hook = format!("http://n1:secret@{}/hook/v1/n1", trivial_hook())
        .parse()
        .unwrap();
    let disguises = [
        None,
        Some(Obfs {
            kind: ObfsKind::Salamander,
            password: "a+b c&d",
        }),
        Some(Obfs {
            kind: ObfsKind::Gecko,
            password: "a+b c&d",
        }),
    ];
    for (number, obfs) in disguises.into_iter().enumerate() {
        let (udp, stats) = (free::port(), free::port());
        let address: Address = format!("127.0.0.1:{udp}").parse().unwrap();
        let stats_url = format!("http://127.0.0.1:{stats}").parse().unwrap();
        let allowed = ["127.0.0.0/8".parse().unwrap()];
        let config = server_config::ServerConfig::new(&server_config::Server {
            name: "n1",
            address: &address,
            hook_url: &hook,
            stats_url: &stats_url,
            stats_secret: "s3cret",
            obfs,
            allow_targets: &allowed,
            own_addresses: &["192.0.2.7".parse().unwrap()],
            line_rate: Some(125_000_000),
        });
        let config = if number == 1 {
            config.to_yaml().unwrap()
        } else {
            serde_json::to_string(&config).unwrap()
        };
        let server = Hysteria::start(
            &folder,
            &format!("server-{number}"),
            &config,
            &certificate,
            udp,
            stats,
        );

        let mut endpoint = Endpoint {
            name: "Wien 1/ü",
            address: &address,
            sni: Some(certificate::NAME),
            pin_sha256: Some(&certificate.pin),
            obfs,
        };
        let socks = client_config::Client::socks5("127.0.0.1:1080".parse().unwrap());
        let by_link = Client::from_uri(&folder, &uri::uri(&endpoint, "g:o od"))
            .ok()
            .unwrap();
        let by_config = Client::official(
            &folder,
            &client_config::official(&endpoint, "g:o od", &socks),
        )
        .ok()
        .unwrap();
        // what a device's profile says, all of it
        let http = SocketAddr::from(([127, 0, 0, 1], free::port()));
        let profile = client_config::Client {
            offers: client_config::Offers::Http(http),
            up: Some(12_500_000),
            down: Some(125_000_000),
            lazy: true,
            fast_open: true,
        };
        let config = client_config::official(&endpoint, "g:o od", &profile);
        let by_profile = Client::official(&folder, &config).ok().unwrap();
        assert!(opens(http, target.tcp), "its HTTP proxy opens a way");
        endpoint.pin_sha256 = None;
        takes_every_mode(&folder, &endpoint, &profile);
        let sing_box = client_config::sing_box(&endpoint, "g:o od", &socks);
        let sing_box = Client::sing_box(&folder, &sing_box, &certificate.cert);
        let before = target.counted();
        for client in [&by_link, &by_config, &by_profile, &sing_box] {
            assert_eq!(target.fetch(client.socks, 100_000).unwrap().len(), 100_000);
            target.upload(client.socks, 30_000).unwrap();
        }
        let after = target.counted();
        assert_eq!(server.counted(), (after.0 - before.0, after.1 - before.1));
        let datagrams = Datagrams::new(by_link.socks).unwrap();
        assert_eq!(datagrams.exchange(target.udp, b"ping").unwrap(), b"ping");

        endpoint.pin_sha256 = Some(&certificate.pin);
        let refused = Client::from_uri(&folder, &uri::uri(&endpoint, "bad"))
            .err()
            .unwrap();
        assert!(refused.0.contains("404"), "{}", refused.0);
        let wrong_pin = "00".repeat(32);
        endpoint.pin_sha256 = Some(&wrong_pin);
        assert!(Client::from_uri(&folder, &uri::uri(&endpoint, "g:o od")).is_err());
        endpoint.pin_sha256 = None;
        assert!(Client::from_uri(&folder, &uri::uri(&endpoint, "g:o od")).is_err());
    }
}
