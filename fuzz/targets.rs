//! What reads bytes that strangers write. Each target takes any bytes, and holds what its reader promises of them; a panic
//! is a finding. Shared by `main.rs`, which looks for such bytes, and by tests/api/fuzz.rs, which replays what was found.
use chrono::{DateTime, Datelike};
use hywarden::{
    admission::{ConnectionId, IdKeys, OwnForm},
    clock::SystemClock,
    handlers::page,
    hysteria::{
        hook::HookRequest,
        stats::{Entry, Members},
    },
    keyring::Keyring,
    models::{DeviceNo, NodeNo, UserId, UserNo},
    services::{
        audit::Before,
        devices,
        events::Place,
        live::{Said, Topic},
        logins::Access,
        users,
        webhooks::guard::{Guard, SystemNames, is_public},
    },
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt::Debug,
    net::IpAddr,
    str,
    sync::{Arc, LazyLock},
};

/// Takes any bytes.
pub type Target = fn(&[u8]);

/// All of them; each has a folder of its name in `corpus`.
pub const TARGETS: &[(&str, Target)] = &[
    ("auth_json", auth_json),
    ("report_json", report_json),
    ("connection_id", connection_id),
    ("jwt", jwt),
    ("url_guard", url_guard),
    ("live_op", live_op),
    ("cursor", cursor),
];

/// The target of this name.
pub fn named(name: &str) -> Option<Target> {
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.map(|(_, target)| *target)
}

/// What a node's hook is asked: read or malformed, and read as any other reader of JSON does.
fn auth_json(data: &[u8]) {
    let Some(asked) = HookRequest::parse(data) else {
        return;
    };
    let _ = (asked.client_ip(), OwnForm::of(&asked.auth));
    assert!(serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok());
    // it reads no number that it does not need
    if let Ok(seen) = serde_json::from_slice::<serde_json::Value>(data) {
        assert_eq!(seen["auth"].as_str(), Some(&*asked.auth));
    }
}

/// A node's answer to `/traffic`: however it is cut into pieces, it says the same.
fn report_json(data: &[u8]) {
    let read = |size: usize| {
        let (mut members, mut seen) = (Members::new(1_000), Vec::new());
        let mut note = |entry: Entry<'_>| seen.push(format!("{entry:?}"));
        let fine = data
            .chunks(size.max(1))
            .try_for_each(|chunk| members.push_traffic(chunk, &mut note))
            .and_then(|()| members.finish());
        (fine.is_ok(), seen)
    };
    let (whole, pieces) = (read(data.len()), read(1));
    assert_eq!(whole.0, pieces.0);
    if whole.0 {
        assert_eq!(whole, pieces);
        assert!(serde_json::from_slice::<serde::de::IgnoredAny>(data).is_ok());
    }
}

/// An id in a node's report: none of ours unless we minted it, and then letter by letter.
fn connection_id(data: &[u8]) {
    static KEYS: LazyLock<IdKeys> = LazyLock::new(|| IdKeys::new(&[(2, [7; 32]), (1, [9; 32])]));
    let node = NodeNo(5);
    if let Ok(text) = str::from_utf8(data)
        && let Some(id) = KEYS.parse(node, text)
    {
        let old = IdKeys::new(&[(1, [9; 32])]);
        let again = [KEYS.mint(node, &id), old.mint(node, &id)];
        assert!(
            again.contains(&Some(text.to_owned())),
            "{text} was never minted"
        );
    }
    if let Some((head, rest)) = data.split_first_chunk::<16>()
        && let Some(nonce) = rest.first_chunk::<10>()
    {
        let numbers = u128::from_le_bytes(*head);
        let part =
            |shift: u32| i64::from(u32::try_from((numbers >> shift) & 0x7fff_ffff).unwrap_or(0));
        let id = ConnectionId {
            user: UserNo(part(0)),
            device: DeviceNo(part(32)),
            credential_version: i32::try_from(part(64)).unwrap_or(0),
            nonce: *nonce,
        };
        let text = KEYS.mint(node, &id).expect("there is a key");
        assert_eq!(KEYS.parse(node, &text), Some(id));
        assert_eq!(KEYS.parse(NodeNo(6), &text), None);
    }
}

/// An access token: these keys have signed none.
fn jwt(data: &[u8]) {
    static ACCESS: LazyLock<Access> = LazyLock::new(|| {
        let keyring = Keyring::generate(Arc::new(SystemClock));
        Access::new(Arc::new(keyring), None, chrono::TimeDelta::minutes(10)).expect("fresh keys")
    });
    if let Ok(text) = str::from_utf8(data) {
        let now = DateTime::from_timestamp(1_800_000_000, 0).expect("a time");
        assert!(ACCESS.verify(text, now).is_none());
    }
}

/// Where a webhook may go: never to an address that is not public, however it is written.
fn url_guard(data: &[u8]) {
    let guard = Guard::new(Arc::new(SystemNames), &[443, 8443], &[]);
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    if let Ok(url) = guard.judge(text) {
        assert_eq!(url.scheme(), "https");
        assert!(
            matches!(url.port_or_known_default(), Some(443 | 8443)),
            "{url}"
        );
        let host = url.host_str().expect("a host");
        let literal = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>();
        assert!(literal.ok().is_none_or(is_public), "{url}");
        assert!(
            !host.trim_end_matches('.').eq_ignore_ascii_case("localhost"),
            "{url}"
        );
        assert_eq!(guard.judge(url.as_str()).as_ref(), Ok(&url), "judged twice");
    }
}

/// What a client of the live channel says.
fn live_op(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let _ = Topic::parse(text);
    }
    if let Ok(Said::Sub { topics, .. } | Said::Unsub { topics }) = serde_json::from_slice(data) {
        for topic in topics {
            let _ = Topic::parse(&topic);
        }
    }
}

/// The cursor of each list: one that is read is one that is given out, and one that the database can compare with.
fn cursor(data: &[u8]) {
    let text = str::from_utf8(data).ok();
    again::<Place>(text);
    again::<devices::After>(text);
    again::<i32>(text);
    again::<i64>(text);
    again::<u64>(text);
    again::<UserId>(text);
    again::<String>(text);
    let mut times = Vec::new();
    if let Some(Before(at, _)) = again(text) {
        times.push(at);
    }
    if let Some(users::After::CreatedAt(at, _) | users::After::ExpiresAt(at, _)) = again(text) {
        times.push(at);
    }
    for at in times {
        assert!((1..=9999).contains(&at.year()), "{at} is in no database");
    }
}

/// What is read, and is read again when it is given out.
fn again<K: Serialize + DeserializeOwned + PartialEq + Debug>(text: Option<&str>) -> Option<K> {
    let place = page::cursor::<K>(text).ok()??;
    let given = page::encode(&place).expect("it was read");
    let read = page::cursor::<K>(Some(&given)).expect("it was given out");
    assert_eq!(read.as_ref(), Some(&place));
    Some(place)
}
