//! Whom a webhook may call.
use crate::support::{api::Api, house::House, receiver::Receiver};
use futures_util::future::BoxFuture;
use hywarden::services::webhooks::{
    client,
    guard::{Guard, Names},
};
use serde_json::json;
use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// A resolver that gives one answer after the other, the last one for ever.
struct Scripted {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Names for Scripted {
    fn lookup(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let n = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers.get(n).or(self.answers.last()).unwrap().clone();
        Box::pin(async move { Ok(answer) })
    }
}

fn names(answers: &[&[&str]]) -> Arc<Scripted> {
    let parsed = |list: &&[&str]| list.iter().map(|a| a.parse().unwrap()).collect();
    Arc::new(Scripted {
        answers: answers.iter().map(parsed).collect(),
        asked: AtomicUsize::new(0),
    })
}

/// Addresses nobody may be made to call, each network by its first, an inner and its last one.
const REFUSED: &[&str] = &[
    "127.0.0.1",
    "127.255.255.255",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.127.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.88.99.1",
    "::",
    "::1",
    "::7f00:1",
    "fc00::1",
    "fdff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::8.8.8.8",
    "2002::1",
    "2002:7f00:1::",
    "2001::1",
    "2001:0:ffff::1",
    "2001:db8::1",
    "100::1",
];
const PUBLIC: &[&str] = &[
    "8.8.8.8",
    "1.1.1.1",
    "172.15.255.255",
    "172.32.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "198.17.255.255",
    "198.20.0.1",
    "223.255.255.255",
    "192.167.255.255",
    "2606:4700::1111",
    "2a00:1450::1",
    "64:ff9b::8.8.8.8",
];

fn host(addr: &str) -> String {
    if addr.contains(':') {
        format!("[{addr}]")
    } else {
        addr.to_owned()
    }
}

/// O1: the address corpus, written in the URL and as what a name leads to.
#[tokio::test]
async fn o1_no_address_of_a_private_network_is_called() {
    let quiet = Guard::new(names(&[&[]]), &[443, 8443], &[]);
    for addr in REFUSED {
        let url = format!("https://{}/x", host(addr));
        assert!(quiet.judge(&url).is_err(), "{url}");
        let leading = Guard::new(names(&[&["8.8.8.8", addr]]), &[443], &[]);
        let said = leading
            .check("https://hooks.example.com/")
            .await
            .unwrap_err();
        assert!(said.contains("not public"), "{said}");
    }
    for addr in PUBLIC {
        let url = format!("https://{}/x", host(addr));
        assert!(quiet.judge(&url).is_ok(), "{url}");
        let leading = Guard::new(names(&[&[addr]]), &[443], &[]);
        assert!(
            leading.check("https://hooks.example.com/").await.is_ok(),
            "{addr}"
        );
    }
}

/// O1: spellings of hosts; O3: https and known ports only.
#[tokio::test]
async fn o1_no_spelling_gets_around_it() {
    let guard = Guard::new(names(&[&[]]), &[443, 8443], &[]);
    for url in [
        // decimal, octal, hex, short, with dots behind
        "https://2130706433/",
        "https://0x7f000001/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://127.0.0.1./",
        "https://10.0.0.1.:443/",
        "https://①②⑦.0.0.1/",
        "https://localhost/",
        "https://LOCALHOST/",
        "https://localhost./",
        "https://a.localhost/",
        "https://a.localhost./",
        "https://printer.local/",
        "https://metadata.google.internal/",
        "https://box.lan/",
        "https://nas.home.arpa/",
        "https://redis/",
        "https://127.0.0.1.nip.io/",
        "https://app.10.0.0.1.nip.io/",
        "https://app-192-168-1-1.sslip.io/",
        "https://7f000001.nip.io/",
        "https://x-a9fea9fe.nip.io/",
        "https://8.8.8.8.127.0.0.1.nip.io/",
        // whatever is no https at a known port
        "http://hooks.example.com/",
        "ftp://hooks.example.com/",
        "file:///etc/passwd",
        "gopher://hooks.example.com/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:6379/",
        "https://hooks.example.com:80/",
        "https://me@hooks.example.com/",
        "https://me:pw@hooks.example.com/",
        "https://hooks.example.com/#x",
        "https://",
        "//hooks.example.com/",
        "hooks.example.com",
        "",
        "https://[::1",
        "https://exa mple.com/",
    ] {
        assert!(guard.check(url).await.is_err(), "{url}");
    }
    for url in [
        "https://hooks.example.com/",
        "https://hooks.example.com.:8443/a?b=c",
        "https://1.1.1.1.nip.io/",
        "https://deadbeef.example.com/",
    ] {
        assert_eq!(guard.check(url).await.err(), None, "{url}");
    }
    assert!(
        guard
            .check(&format!("https://hooks.example.com/{}", "x".repeat(2_048)))
            .await
            .is_err()
    );
}

/// O2: a name whose answer flips after the check: what is dialled is what was checked at that moment, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn o2_a_name_that_flips_leads_nowhere() {
    let receiver = Receiver::start();
    let url = format!("https://hooks.example.com:{}/", receiver.port);
    let flips = Guard::new(
        names(&[&["8.8.8.8"], &["127.0.0.1"]]),
        &[receiver.port],
        &[],
    );
    assert!(flips.check(&url).await.is_ok(), "public when it is given");
    let http = client(&flips, Some(&receiver.ca), Duration::from_secs(5)).unwrap();
    let why = format!("{:?}", http.post(&url).send().await.unwrap_err());
    assert!(why.contains("Refused"), "{why}");
    // the same, with an exception: the very address that the resolver gave is dialled, the name is still what TLS proves
    let exception = ["127.0.0.1/32".parse().unwrap()];
    let names = names(&[&["127.0.0.1"], &["8.8.8.8"]]);
    let allowed = Guard::new(names.clone(), &[receiver.port], &exception);
    let http = client(&allowed, Some(&receiver.ca), Duration::from_secs(5)).unwrap();
    assert_eq!(http.post(&url).send().await.unwrap().status(), 200);
    assert_eq!(
        names.asked.load(Ordering::SeqCst),
        1,
        "asked once, dialled what was said"
    );
    let plain = format!("http://hooks.example.com:{}/", receiver.port);
    assert!(http.post(&plain).send().await.is_err(), "https only");
}

/// O1 through the API: refused with the field's name, and nothing is kept.
#[tokio::test(flavor = "multi_thread")]
async fn o1_the_api_refuses_what_the_guard_refuses() {
    let house = House::start(&[]).await;
    let api = Api::local(&house);
    for url in [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data",
        "http://8.8.8.8/",
        "https://localhost:8443/",
        "https://2130706433/",
    ] {
        let answer = api
            .post("/webhooks", json!({"name": "x", "url": url}))
            .await;
        answer.wrong(&["url"]);
    }
    assert_eq!(api.all("/webhooks", 10).await.len(), 0);
}
