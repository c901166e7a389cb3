//! The parser against every shape of answer, and against itself in other pieces.
use std::collections::BTreeMap;

use proptest::prelude::*;
use secrecy::SecretString;

use super::super::{Dialer, Entry, HIGHEST_COUNTER, Members, StatsError, Unreadable, Value};

type Read = Result<Vec<(String, Result<(u64, u64), Unreadable>)>, String>;

/// What an answer says when it comes in pieces of these sizes.
fn in_pieces(answer: &[u8], sizes: &[usize]) -> Read {
    let mut members = Members::new(1_000);
    let mut seen = Vec::new();
    let mut rest = answer;
    let mut sizes = sizes.iter().cycle();
    while !rest.is_empty() {
        let size = sizes
            .next()
            .map_or(rest.len(), |size| (*size).clamp(1, rest.len()));
        let (piece, after) = rest.split_at(size);
        rest = after;
        members
            .push_traffic(piece, |entry: Entry<'_>| {
                seen.push((entry.id.to_owned(), entry.counters));
            })
            .map_err(|err| kind(&err))?;
    }
    members.finish().map_err(|err| kind(&err))?;
    Ok(seen)
}

fn kind(err: &StatsError) -> String {
    match err {
        StatsError::Malformed { why, .. } => (*why).to_owned(),
        other => other.to_string(),
    }
}

fn read(answer: &str) -> Read {
    in_pieces(answer.as_bytes(), &[])
}

fn unreadable(tx: Option<u64>, rx: Option<u64>) -> Result<(u64, u64), Unreadable> {
    Err(Unreadable { tx, rx })
}

#[test]
fn reads_what_hysteria_writes() {
    assert_eq!(read("{}"), Ok(vec![]));
    assert_eq!(read(" {\n} \r\n"), Ok(vec![]));
    assert_eq!(
        read(r#"{"1a.2b.1.x.y":{"tx":83,"rx":10000206},"":{"rx":1,"tx":0}}"#),
        Ok(vec![
            ("1a.2b.1.x.y".to_owned(), Ok((83, 10_000_206))),
            (String::new(), Ok((0, 1))),
        ])
    );
}

#[test]
fn an_entry_out_of_the_ordinary_is_present_and_costs_the_rest_nothing() {
    let highest = HIGHEST_COUNTER;
    let over = highest + 1;
    let cases = [
        (format!(r#"{{"tx":{highest},"rx":0}}"#), Ok((highest, 0))),
        (
            format!(r#"{{"tx":{over},"rx":0}}"#),
            unreadable(Some(over), Some(0)),
        ),
        (
            r#"{"tx":9223372036854775807,"rx":1}"#.into(),
            unreadable(Some(u64::MAX / 2), Some(1)),
        ),
        (
            r#"{"tx":18446744073709551615,"rx":1}"#.into(),
            unreadable(Some(u64::MAX), Some(1)),
        ),
        (
            r#"{"tx":18446744073709551616,"rx":1}"#.into(),
            unreadable(None, Some(1)),
        ),
        (r#"{"tx":-1,"rx":1}"#.into(), unreadable(None, Some(1))),
        (r#"{"tx":1.5,"rx":1}"#.into(), unreadable(None, Some(1))),
        (r#"{"tx":1e3,"rx":1}"#.into(), unreadable(None, Some(1))),
        (r#"{"tx":"1","rx":1}"#.into(), unreadable(None, Some(1))),
        (r#"{"tx":null,"rx":1}"#.into(), unreadable(None, Some(1))),
        (
            r#"{"tx":{"tx":5},"rx":1}"#.into(),
            unreadable(None, Some(1)),
        ),
        (r#"{"tx":[1],"rx":1}"#.into(), unreadable(None, Some(1))),
        (r#"{"rx":1}"#.into(), unreadable(None, Some(1))),
        (
            r#"{"tx":1,"tx":2,"rx":1}"#.into(),
            unreadable(Some(2), Some(1)),
        ),
        (r#"{"tx":1,"rx":2,"later":{"tx":[3]}}"#.into(), Ok((1, 2))),
        ("{}".into(), unreadable(None, None)),
        ("[]".into(), unreadable(None, None)),
        ("[[1,{\"tx\":1}]]".into(), unreadable(None, None)),
        ("7".into(), unreadable(None, None)),
        ("\"x\"".into(), unreadable(None, None)),
        ("true".into(), unreadable(None, None)),
    ];
    for (value, counters) in cases {
        assert_eq!(
            read(&format!(r#"{{"a":{value},"b":{{"tx":1,"rx":2}}}}"#)),
            Ok(vec![
                ("a".to_owned(), counters),
                ("b".to_owned(), Ok((1, 2)))
            ]),
            "{value}"
        );
    }
}

#[test]
fn ids_come_as_they_were_meant() {
    let id = |text: &str| {
        read(&format!(r#"{{"{text}":{{"tx":1,"rx":2}}}}"#)).map(|mut all| all.remove(0).0)
    };
    assert_eq!(id(r#"\u003cé\u00e9\n\"\\\/"#).as_deref(), Ok("<éé\n\"\\/"));
    assert_eq!(id(r"\ud83d\ude00").as_deref(), Ok("😀"));
    assert_eq!(
        id(r"\ud83dx\ude00\ud83d").as_deref(),
        Ok("\u{fffd}x\u{fffd}\u{fffd}")
    );
    assert_eq!(id(r"\x41"), Err("an unknown escape".to_owned()));
    assert_eq!(
        in_pieces(b"{\"\xff\":1}", &[]),
        Err("an id that is not UTF-8".to_owned())
    );
    let long = read(&format!(
        r#"{{"a{}":{{"tx":1,"rx":2}}}}"#,
        "é".repeat(1_000)
    ))
    .unwrap();
    assert_eq!(long[0].0, format!("a{}", "é".repeat(511)));
    assert_eq!(long[0].1, unreadable(Some(1), Some(2)));
    let twice = read(r#"{"a":{"tx":1,"rx":2},"a":{"tx":3,"rx":4}}"#).unwrap();
    assert_eq!(twice.len(), 2);
}

#[test]
fn what_is_not_complete_json_is_no_answer() {
    let whole = r#"{"a":{"tx":1,"rx":20},"b":{"tx":3,"rx":4,"c":[true,null,-1.5e+3]}}"#;
    assert!(read(whole).is_ok());
    for end in 0..whole.len() {
        let err = read(&whole[..end]).unwrap_err();
        assert!(err.contains("breaks off"), "{end}: {err}");
    }
    for wrong in [
        "[]",
        "1 ",
        "null",
        "\"a\"",
        "{}{}",
        "{} x",
        "{,}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":nul1}",
        "{\"a\":[1}",
        "{\"a\":{]}",
        "<html>",
        "{\"a\nb\":1}",
        "{\"a\":[1,]}",
        "{\"a\":1 2}",
    ] {
        let err = read(wrong).unwrap_err();
        assert!(!err.contains("breaks off"), "{wrong}: {err}");
    }
    assert_eq!(
        read(&format!("{{\"a\":{}", "[".repeat(100_000))),
        Err("nested too deep".to_owned())
    );
}

#[test]
fn entries_are_bounded() {
    let many: Vec<String> = (0..1_001).map(|n| format!("\"{n}\":1")).collect();
    assert!(read(&format!("{{{}}}", many[1..].join(","))).is_ok());
    assert_eq!(
        read(&format!("{{{}}}", many.join(","))),
        Err("the answer has more than 1000 entries".to_owned())
    );
}

#[test]
fn reads_online_too() {
    let mut members = Members::new(10);
    let mut seen = Vec::new();
    members
        .push(br#"{"a":2,"b":-1}"#, |id, value| {
            seen.push((id.to_owned(), value));
        })
        .unwrap();
    assert_eq!(members.finish().unwrap(), 2);
    assert_eq!(
        seen,
        [
            ("a".to_owned(), Value::Count(Some(2))),
            ("b".to_owned(), Value::Count(None))
        ]
    );
}

#[test]
fn the_questions_can_be_asked_from_any_thread() {
    fn sendable<T: Send>(_: &T) {}
    let node = Dialer::new(&[]).unwrap().node(
        "http://127.0.0.1:1".parse().unwrap(),
        SecretString::from("x"),
    );
    let mut count = 0;
    sendable(&node.traffic(|_| count += 1));
    sendable(&node.traffic_clear("x".as_ref()));
    sendable(&node.online());
    sendable(&node.kick(&["a"]));
    sendable(&node.check());
    sendable(&super::super::read_spool("x".as_ref(), |_| ()));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<u64>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        ".{0,12}".prop_map(serde_json::Value::from),
        (any::<u32>(), any::<u32>()).prop_map(|(tx, rx)| serde_json::json!({"tx": tx, "rx": rx})),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("tx|rx|.{0,4}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn pieces_do_not_matter(answer in prop::collection::vec(prop_oneof![
        prop::sample::select(br#"{}[]",:\u0123456789abcdeftrnlsx.-+ "#.to_vec()), any::<u8>(),
    ], 0..200), sizes in prop::collection::vec(1usize..9, 1..6)) {
        prop_assert_eq!(in_pieces(&answer, &[]), in_pieces(&answer, &sizes));
    }

    #[test]
    fn agrees_with_serde_json(map in prop::collection::btree_map(".{0,12}", json(), 0..12), pretty in any::<bool>(),
        sizes in prop::collection::vec(1usize..9, 1..6)) {
        let text = if pretty { serde_json::to_vec_pretty(&map) } else { serde_json::to_vec(&map) }.unwrap();
        let seen = in_pieces(&text, &sizes).unwrap();
        prop_assert_eq!(&seen, &in_pieces(&text, &[]).unwrap());
        let counters: BTreeMap<_, _> = seen.into_iter().filter_map(|(id, counters)| Some((id, counters.ok()?))).collect();
        let expected: BTreeMap<_, _> = map
            .iter()
            .filter_map(|(id, value)| Some((id.clone(), (value.get("tx")?.as_u64()?, value.get("rx")?.as_u64()?))))
            .filter(|(_, (tx, rx))| *tx.max(rx) <= HIGHEST_COUNTER)
            .collect();
        prop_assert_eq!(counters, expected);
    }

    #[test]
    fn what_serde_refuses_is_refused(mut text in json().prop_map(|v| serde_json::to_vec(&serde_json::json!({"a": v})).unwrap()),
        at in any::<prop::sample::Index>(), byte in prop::sample::select(br#"{}[]",:\0eE.-+x "#.to_vec())) {
        let at = at.index(text.len());
        text[at] = byte;
        let ours = in_pieces(&text, &[]);
        if serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_err() && !text.windows(2).any(|w| w == b"\\u") {
            prop_assert!(ours.is_err(), "{}", String::from_utf8_lossy(&text));
        }
    }
}
