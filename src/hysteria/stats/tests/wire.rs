//! The client against a server that keeps Hysteria's semantics and fails on demand.
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fake_node::{Ask, FakeNode, Fault, Gate, Moved};
use secrecy::SecretString;

use super::super::{AnswerSize, Dialer, Limits, StatsClient, StatsError, read_spool};

type Seen = BTreeMap<String, Option<(u64, u64)>>;

fn client(node: &FakeNode) -> StatsClient {
    let base = node.url().parse().unwrap();
    Dialer::new(&[])
        .unwrap()
        .node(base, SecretString::from(node.secret()))
}

fn hasty(node: &FakeNode) -> StatsClient {
    client(node).within(Limits {
        silence: Duration::from_millis(200),
        whole: Duration::from_millis(800),
        whole_clear: Duration::from_millis(800),
        ..Limits::default()
    })
}

async fn traffic(client: &StatsClient) -> Result<(Seen, AnswerSize), StatsError> {
    let mut seen = Seen::new();
    let size = client
        .traffic(|entry| {
            seen.insert(entry.id.to_owned(), entry.counters.ok());
        })
        .await?;
    Ok((seen, size))
}

#[tokio::test]
async fn asks_as_hysteria_wants_to_be_asked() {
    let node = FakeNode::start("s3cret");
    let stats = client(&node);
    stats.check().await.unwrap();
    node.connect("a.1");
    node.moves("a.1", 83, 10_000_206);
    node.moves("b", 1, 0);
    node.set_raw("odd", "[1]");
    node.set("huge", u64::MAX / 2, 0);
    let (seen, size) = traffic(&stats).await.unwrap();
    let expected = [
        ("a.1", Some((83, 10_000_206))),
        ("b", Some((1, 0))),
        ("huge", None),
        ("odd", None),
    ];
    assert_eq!(
        seen,
        expected
            .map(|(id, counters)| (id.to_owned(), counters))
            .into()
    );
    assert_eq!(size.entries, 4);
    let online = stats.online().await.unwrap();
    assert_eq!(online.into_iter().collect::<Vec<_>>(), [("a.1".into(), 1)]);
    stats.kick(&["a.1", "q\"x"]).await.unwrap();
    stats.kick(&[]).await.unwrap();
    assert_eq!(node.marked(), ["a.1", "q\"x"]);
    assert_eq!(node.moves("a.1", 5, 5), Moved::Kicked);
    assert!(stats.online().await.unwrap().is_empty());
    assert_eq!(node.counters("a.1"), Some((83, 10_000_206)));
    assert!(
        node.calls()
            .iter()
            .all(|call| call.authorization.as_deref() == Some("s3cret"))
    );
    assert_eq!(node.count(Ask::Kick), 1);
}

#[tokio::test]
async fn a_clean_up_is_a_file_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("n1.7");
    let node = FakeNode::start("");
    let stats = client(&node);
    node.moves("a", 3, 4);
    let size = stats.traffic_clear(&spool).await.unwrap();
    assert!(node.all_counters().is_empty());
    let mut seen = Vec::new();
    let again = read_spool(&spool, |entry| {
        seen.push((entry.id.to_owned(), entry.counters));
    })
    .await
    .unwrap();
    assert_eq!((again, seen), (size, vec![("a".to_owned(), Ok((3, 4)))]));
    for fault in [
        Fault::LostAfter,
        Fault::HalfJson,
        Fault::BreaksOff,
        Fault::Status(500),
        Fault::LostBefore,
    ] {
        let lost = folder.path().join("lost");
        node.moves("a", 3, 4);
        node.fail_next(Ask::Clear, fault);
        stats.traffic_clear(&lost).await.unwrap_err();
        assert!(!lost.exists());
    }
}

#[tokio::test]
async fn a_late_clean_up_is_waited_for_and_a_late_read_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let node = FakeNode::start("");
    node.moves("a", 3, 4);
    node.fail_always(Ask::Traffic, Fault::Delay(Duration::from_millis(500)));
    node.fail_always(Ask::Clear, Fault::Delay(Duration::from_millis(500)));
    let stats = hasty(&node);
    assert!(matches!(traffic(&stats).await, Err(StatsError::Silent(_))));
    stats.traffic_clear(&folder.path().join("x")).await.unwrap();
    let gate = Gate::new();
    node.fail_next(Ask::Clear, Fault::Held(gate.clone()));
    let err = stats
        .traffic_clear(&folder.path().join("y"))
        .await
        .unwrap_err();
    assert!(matches!(err, StatsError::TooSlow(_)), "{err}");
    gate.open();
}

#[tokio::test]
async fn every_broken_answer_is_an_error() {
    let node = FakeNode::start("x");
    node.moves("a", 1, 2);
    node.moves("b", 1, 2);
    let stats = hasty(&node);
    let elsewhere = FakeNode::start("x");
    for (fault, expected) in [
        (Fault::LostBefore, "not reachable"),
        (Fault::LostAfter, "not reachable"),
        (Fault::HalfJson, "the answer breaks off"),
        (Fault::BreaksOff, "not reachable"),
        (Fault::Stalls, "no byte for"),
        (
            Fault::Dribble(1, Duration::from_millis(60)),
            "the answer was not complete after",
        ),
        (Fault::Status(500), "answered with status 500"),
        (Fault::Status(204), "answered with status 204"),
        (
            Fault::Redirect(format!("{}/traffic", elsewhere.url())),
            "answered with status 302",
        ),
        (
            Fault::Garbage(b"<html>".to_vec()),
            "the answer is not readable",
        ),
        (Fault::Garbage(vec![]), "the answer breaks off"),
        (Fault::Garbage(b"[]".to_vec()), "the answer is not readable"),
    ] {
        node.fail_next(Ask::Traffic, fault);
        let err = traffic(&stats).await.unwrap_err().to_string();
        assert!(err.starts_with(expected), "{err} for {expected}");
        traffic(&stats).await.unwrap();
    }
    assert!(elsewhere.calls().is_empty());
    node.change_secret("y");
    assert!(matches!(stats.check().await, Err(StatsError::Unauthorized)));
    assert!(matches!(
        traffic(&stats).await,
        Err(StatsError::Unauthorized)
    ));
    assert!(matches!(
        stats.kick(&["a"]).await,
        Err(StatsError::Unauthorized)
    ));
}

#[tokio::test]
async fn a_large_answer_costs_time_but_ends() {
    let node = FakeNode::start("");
    node.fail_always(Ask::Traffic, Fault::Endless);
    let stats = client(&node).within(Limits {
        bytes: 2 << 20,
        ..Limits::default()
    });
    assert!(matches!(
        traffic(&stats).await,
        Err(StatsError::TooLarge(_))
    ));
    let stats = client(&node).within(Limits {
        entries: 1_000,
        ..Limits::default()
    });
    assert!(matches!(
        traffic(&stats).await,
        Err(StatsError::TooMany(1_000))
    ));
    node.fail_always(Ask::Traffic, Fault::Huge(4 << 20));
    let mut entries = 0;
    let size = client(&node).traffic(|_| entries += 1).await.unwrap();
    assert_eq!(size.entries, entries);
    assert!(size.bytes >= 4 << 20);
}

#[tokio::test]
async fn calls_nobody_outside_the_settings() {
    let node = FakeNode::start("");
    let dialer = Dialer::new(&["192.0.2.0/24".parse().unwrap()]).unwrap();
    let secret = || SecretString::from("");
    let literal = dialer.node(node.url().parse().unwrap(), secret());
    assert!(matches!(
        literal.check().await,
        Err(StatsError::NotAllowed(_))
    ));
    let mapped = node.url().replace("127.0.0.1", "[::ffff:127.0.0.1]");
    let mapped = dialer.node(mapped.parse().unwrap(), secret());
    assert!(matches!(
        mapped.check().await,
        Err(StatsError::NotAllowed(_))
    ));
    let named = dialer.node(
        node.url()
            .replace("127.0.0.1", "localhost")
            .parse()
            .unwrap(),
        secret(),
    );
    let err = named.check().await.unwrap_err().to_string();
    assert!(err.contains("allowed_cidrs"), "{err}");
    assert!(node.calls().is_empty());
    let inside = Dialer::new(&["127.0.0.0/8".parse().unwrap()]).unwrap();
    inside
        .node(node.url().parse().unwrap(), secret())
        .check()
        .await
        .unwrap();
}

#[tokio::test]
async fn an_address_where_nobody_listens_says_so_at_once() {
    let node = FakeNode::start("");
    let stats = client(&node);
    drop(node);
    let start = Instant::now();
    let err = stats.check().await.unwrap_err().to_string();
    assert!(err.starts_with("not reachable: "), "{err}");
    assert!(start.elapsed() < Duration::from_secs(2));
}
