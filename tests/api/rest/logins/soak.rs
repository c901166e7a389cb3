//! The long forms of what is measured in time: `make soak` alone runs them, `make test` asks for their causes.
use crate::support::{
    api::Api,
    house::House,
    people::PASSWORD,
    program::{Program, open_dir},
};
use reqwest::Method;
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

fn soaks() -> bool {
    std::env::var_os("HYWARDEN_SOAK").is_some()
}

fn percentile(all: &mut [Duration], percent: usize) -> Duration {
    all.sort_unstable();
    all[(all.len() * percent / 100).min(all.len() - 1)]
}

/// L1: somebody unknown and a wrong password take equally long, in turns, within 2 ms of the median.
#[tokio::test(flavor = "multi_thread")]
async fn l1_nobody_learns_by_time_who_is_there() {
    if !soaks() {
        return;
    }
    const TRIES: usize = 400;
    let settings = [
        ("server.trusted_proxies", "127.0.0.0/8"),
        ("logins.hash_threads", "1"),
    ];
    let house = House::start(&settings).await;
    house.account("anna", "user").await;
    let nobody = Api::remote(&house, None);
    let mut took = [Vec::new(), Vec::new()];
    for n in 0..TRIES {
        for (which, name) in ["anna", "nobody"].into_iter().enumerate() {
            // an address of its own: no limit and no lock is met
            let addr = format!("198.18.{}.{}", n / 250, n % 250 + 1);
            let request = nobody
                .request(Method::POST, "/auth/login")
                .header("x-forwarded-for", addr)
                .header("x-forwarded-proto", "https")
                .json(&json!({"name": name, "password": "not the password at all"}));
            let started = Instant::now();
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), 401, "{name} {n}");
            answer.bytes().await.unwrap();
            took[which].push(started.elapsed());
        }
    }
    let [mut known, mut unknown] = took;
    let (known, unknown) = (percentile(&mut known, 50), percentile(&mut unknown, 50));
    println!("L1: known {known:?}, unknown {unknown:?}");
    assert!(
        known.abs_diff(unknown) < Duration::from_millis(2),
        "{known:?} {unknown:?}"
    );
}

/// L6: two hundred who log in at once cost less than 256 MiB, whoever is not served hears when to come back.
#[test]
fn l6_a_crowd_costs_bounded_memory() {
    let dir = open_dir();
    let program = Program::serve(dir.path(), &["--set", "server.trusted_proxies=127.0.0.0/8"]);
    let url = program
        .welcome
        .split_whitespace()
        .find(|word| word.starts_with("http://"))
        .unwrap()
        .to_owned();
    let memory = |what: &str| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(what))
            .unwrap();
        line.split_whitespace()
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            << 10
    };
    let before = memory("VmRSS:");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // one: making two hundred holds up those that stand already, until the server has waited long enough for their heads
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let statuses = runtime.block_on(async {
        let mut people = JoinSet::new();
        for n in 0..200 {
            let url = format!("{url}/api/v1/auth/login");
            let http = http.clone();
            people.spawn(async move {
                let request = http
                    .post(url)
                    .header("x-forwarded-for", format!("198.18.0.{n}"))
                    .header("x-forwarded-proto", "https")
                    .json(&json!({"name": format!("n{n}"), "password": PASSWORD}));
                let answer = request.send().await.unwrap();
                let later = answer.headers().contains_key("retry-after");
                (answer.status().as_u16(), later)
            });
        }
        people.join_all().await
    });
    let grown = memory("VmHWM:").saturating_sub(before);
    assert!(grown < 256 << 20, "{grown}");
    let hashed = statuses.iter().filter(|(status, _)| *status == 401).count();
    // a busy machine may keep a client of ours from saying its head in time
    let refused = statuses
        .iter()
        .filter(|one| matches!(one, (429 | 503, true) | (408, _)));
    assert!(hashed > 0);
    assert_eq!(hashed + refused.count(), 200, "{statuses:?}");
}

/// A connection that says a byte a second for as long as it is let, again and again.
async fn dawdle(address: String) {
    let request = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n{";
    loop {
        let Ok(mut stream) = TcpStream::connect(&address).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        for byte in request {
            if stream.write_all(&[*byte]).await.is_err() {
                break;
            }
            // it is slow on purpose; an answer ends it
            let mut heard = [0; 512];
            let answer = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut heard));
            if answer.await.is_ok() {
                break;
            }
        }
    }
}

/// I4: 2,000 connections that say a byte a second leave the p99 of everybody else below twice what it was.
#[test]
fn i4_slow_connections_slow_nobody() {
    if !soaks() {
        return;
    }
    const SLOW: usize = 2_000;
    let dir = open_dir();
    let program = Program::serve(dir.path(), &[]);
    let address = program
        .welcome
        .split_whitespace()
        .find_map(|word| word.strip_prefix("http://"))
        .unwrap()
        .to_owned();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let p99 = async || {
            let mut took = Vec::new();
            for _ in 0..3_000 {
                let started = Instant::now();
                let answer = http.get(format!("http://{address}/readyz")).send().await;
                answer.unwrap().bytes().await.unwrap();
                took.push(started.elapsed());
            }
            percentile(&mut took, 99)
        };
        p99().await;
        let mut slow = JoinSet::new();
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            alone.push(p99().await);
            for _ in 0..SLOW {
                slow.spawn(dawdle(address.clone()));
            }
            // all of them have begun
            tokio::time::sleep(Duration::from_secs(2)).await;
            beside.push(p99().await);
            slow.shutdown().await;
        }
        let (alone, beside) = (percentile(&mut alone, 50), percentile(&mut beside, 50));
        println!("I4: p99 alone {alone:?}, beside {SLOW} slow ones {beside:?}");
        assert!(beside < 2 * alone, "{alone:?} {beside:?}");
    });
}
