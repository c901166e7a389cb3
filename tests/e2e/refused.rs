//! Who may not go in stays out, and the operator is told why.
use crate::harness::house::House;

/// Each reason has its own code.
#[test]
fn every_refusal_has_its_code() {
    let house = House::start();
    let server = house.node("n1", &[]);
    let refused =
        |user: &str, uri: &str, code: &str| assert_eq!(house.refusal(user, uri), code, "{user}");

    house.user("alice", &[]);
    let phone = house.device("alice", "phone");
    let client = house.connect(&phone);
    house.target.fetch(client.socks, 10).unwrap();
    drop(client);

    // Blocked, and let in again.
    house.ask(&["device", "block", &phone.id]);
    refused("alice", &phone.uri, "device_blocked");
    house.ask(&["device", "unblock", &phone.id]);
    drop(house.connect(&phone));

    // Suspended, and let in again.
    house.ask(&["user", "suspend", "alice"]);
    refused("alice", &phone.uri, "user_suspended");
    house.ask(&["user", "activate", "alice"]);
    drop(house.connect(&phone));

    // Rotated: the old secret is revoked, the new one lets in.
    let rotated = house.ask(&["device", "rotate", &phone.id]);
    refused("alice", &phone.uri, "device_revoked");
    drop(
        house
            .log_in(rotated["uri"].as_str().unwrap())
            .ok()
            .expect("the new secret"),
    );

    // Removed.
    let tablet = house.device("alice", "tablet");
    house.ask(&["device", "remove", &tablet.id]);
    refused("alice", &tablet.uri, "device_revoked");

    // Expired.
    house.user("bob", &["--expires", "5s"]);
    let device = house.device("bob", "phone");
    drop(house.connect(&device));
    house.wait_for_status("bob", "expired");
    refused("bob", &device.uri, "user_expired");

    // Over quota, and let in again after a reset.
    house.user("carol", &["--quota", "100KiB"]);
    let device = house.device("carol", "phone");
    let client = house.connect(&device);
    let _ = house.target.fetch(client.socks, 300_000);
    house.wait_for_status("carol", "limited");
    refused("carol", &device.uri, "quota_exceeded");
    house.ask(&["user", "reset-usage", "carol"]);
    house.wait_for_status("carol", "active");
    drop(house.connect(&device));

    // Without a right to the node.
    house.user("dave", &[]);
    let device = house.device("dave", "phone");
    house.ask(&["user", "deny", "dave", "n1"]);
    refused("dave", &device.uri, "node_not_permitted");

    // Wrong: an unknown secret of the right form belongs to nobody, so nobody's explanation has it.
    let strange = device.uri_with("somebody%3Aelse");
    assert!(house.log_in(&strange).is_err());
    let unknown = house.ask(&["stats", "decisions", "--unknown"]).to_string();
    assert!(
        unknown.contains("unknown_credential") && unknown.contains("n1"),
        "{unknown}"
    );

    // A node that takes no logins.
    house.ask(&["node", "disable", "n1"]);
    assert!(
        house
            .log_in(&rotated["uri"].as_str().unwrap().replace(' ', ""))
            .is_err()
    );
    assert!(server.asks("/online").is_object());
}
