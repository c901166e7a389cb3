//! Who may not go on is cut off: refused first, then closed.
use crate::harness::{house::House, until};

/// Two devices of one user: a kick of one leaves the other alone.
#[test]
fn a_kick_hits_one_device() {
    let house = House::start();
    let server = house.node("n1", &[]);
    house.user("alice", &[]);
    let [phone, laptop] = ["phone", "laptop"].map(|name| house.device("alice", name));
    let (on_phone, on_laptop) = (house.connect(&phone), house.connect(&laptop));
    let moving = house.target.endless(on_phone.socks).unwrap();
    let mut other = house.target.endless(on_laptop.socks).unwrap();
    until("both online", || (house.online().len() == 2).then_some(()));
    let seen = server.seen();
    house.ask(&["device", "kick", &phone.id]);
    moving.wait_for_end();
    server.says_after(seen, "disconnect", |_| true);
    assert!(other.moves());
    let online = until("one online", || {
        let online = house.online();
        (online.len() == 1).then_some(online)
    });
    assert!(
        online[0].to_string().contains(&laptop.id) || online[0]["device"] == "laptop",
        "{online:?}"
    );
    // It was kicked, not refused: the client may learn of it at its next request, and then logs in anew.
    until("the phone is back", || {
        house.target.fetch(on_phone.socks, 10).ok()
    });
}

/// A quota that is crossed closes a connection that moves data, and the next login is refused.
#[test]
fn a_crossed_quota_closes() {
    let house = House::start();
    let server = house.node("n1", &[]);
    house.user("alice", &["--quota", "2MiB"]);
    let device = house.device("alice", "phone");
    let client = house.connect(&device);
    let moving = house.target.endless(client.socks).unwrap();
    let seen = server.seen();
    moving.wait_for_end();
    server.says_after(seen, "disconnect", |_| true);
    assert!(house.target.fetch(client.socks, 10).is_err());
    assert_eq!(house.refusal("alice", &device.uri), "quota_exceeded");
    until("nobody online", || house.online().is_empty().then_some(()));
    house.wait_for_credit(&["--user", "alice"], server.counted());
}

/// A removed device is refused from the moment the removal answers, and then closed.
#[test]
fn a_removed_device_is_refused_and_closed() {
    let house = House::start();
    let _server = house.node("n1", &[]);
    house.user("alice", &[]);
    let device = house.device("alice", "phone");
    let client = house.connect(&device);
    let moving = house.target.endless(client.socks).unwrap();
    house.ask(&["device", "remove", &device.id]);
    assert_eq!(house.refusal("alice", &device.uri), "device_revoked");
    moving.wait_for_end();
    assert!(house.target.fetch(client.socks, 10).is_err());
}

/// Suspension, expiry, and a lost right to the node close as well.
#[test]
fn every_end_of_a_right_closes() {
    let house = House::start();
    let _server = house.node("n1", &[]);
    let moving = |user: &str| {
        let device = house.device(user, "phone");
        let client = house.connect(&device);
        let flow = house.target.endless(client.socks).unwrap();
        (client, flow)
    };
    house.user("alice", &[]);
    let (_client, flow) = moving("alice");
    house.ask(&["user", "suspend", "alice"]);
    flow.wait_for_end();
    house.user("bob", &["--expires", "6s"]);
    let (_client, flow) = moving("bob");
    flow.wait_for_end();
    assert_eq!(house.ask(&["user", "show", "bob"])["status"], "expired");
    house.user("carol", &[]);
    let (_client, flow) = moving("carol");
    house.ask(&["user", "deny", "carol", "n1"]);
    flow.wait_for_end();
    house.user("dave", &[]);
    let (_client, flow) = moving("dave");
    house.ask(&["user", "delete", "dave"]);
    flow.wait_for_end();
    until("nobody online", || house.online().is_empty().then_some(()));
}
