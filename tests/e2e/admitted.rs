//! The right credential gets in, by whatever we print, through whatever disguise, and its bytes are credited exactly.
use crate::harness::{clients::Client, house::House, socks::Datagrams};

/// What is printed for one disguise lets both clients in, and each device is counted apart, to the byte.
fn all_clients_through(disguise: &[&str]) {
    let house = House::start();
    let server = house.node("n1", disguise);
    house.user("alice", &[]);
    let [by_link, by_config, by_box] =
        ["phone", "laptop", "box"].map(|name| house.device("alice", name));
    let printed = |device: &str, format: &str| {
        let done = house.run(&[
            "device", "config", device, "--format", format, "--node", "n1",
        ]);
        serde_json::from_slice(&done.stdout).unwrap_or_else(|err| panic!("{err}: {done:?}"))
    };
    let official = Client::official(&house.folder, &printed(&by_config.id, "hysteria"));
    let clients = [
        (&by_link, house.connect(&by_link)),
        (
            &by_config,
            official.unwrap_or_else(|refused| panic!("{}", refused.0)),
        ),
        (
            &by_box,
            Client::sing_box(
                &house.folder,
                &printed(&by_box.id, "sing-box"),
                &house.certificate.cert,
            ),
        ),
    ];
    let mut sum = (0, 0);
    for (number, (device, client)) in clients.iter().enumerate() {
        let before = house.target.counted();
        assert_eq!(
            house
                .target
                .fetch(client.socks, 1_000_000 + number)
                .unwrap()
                .len(),
            1_000_000 + number
        );
        house.target.upload(client.socks, 70_000 + number).unwrap();
        let after = house.target.counted();
        let moved = (after.0 - before.0, after.1 - before.1);
        house.wait_for_credit(&["--device", &device.id], moved);
        sum = (sum.0 + moved.0, sum.1 + moved.1);
    }
    house.wait_for_credit(&["--user", "alice"], sum);
    house.wait_for_credit(&["--node", "n1"], sum);
    assert_eq!(server.counted(), sum);
    let used = house.ask(&["user", "show", "alice"]);
    assert_eq!(
        (&used["used"], &used["used_total"]),
        (&(sum.0 + sum.1).into(), &(sum.0 + sum.1).into())
    );
    assert_eq!(house.online().len(), 3);
}

#[test]
fn plain() {
    all_clients_through(&[]);
}

#[test]
fn salamander() {
    all_clients_through(&["--obfs", "salamander:a+b c&d:e"]);
}

#[test]
fn gecko() {
    all_clients_through(&["--obfs", "gecko:0123456789abcdef"]);
}

/// Datagrams are credited as the server counts them.
#[test]
fn udp_is_what_the_server_says() {
    let house = House::start();
    let server = house.node("n1", &[]);
    house.user("alice", &[]);
    let device = house.device("alice", "phone");
    let client = house.connect(&device);
    let datagrams = Datagrams::new(client.socks).unwrap();
    for size in [1, 100, 1_000, 1_150] {
        let payload = vec![b'u'; size];
        assert_eq!(
            datagrams.exchange(house.target.udp, &payload).unwrap(),
            payload
        );
    }
    let counted = server.counted();
    assert!(counted.0 >= 2_251 && counted.1 >= 2_251, "{counted:?}");
    house.wait_for_credit(&["--device", &device.id], counted);
    assert_eq!(server.counted(), counted);
}

/// Every form of credential, verbatim.
#[test]
fn credentials_of_every_kind() {
    let house = House::start();
    let _server = house.node("n1", &[]);
    house.user("alice", &[]);
    let own = house.device("alice", "own");
    let client = house.connect(&own);
    house.target.fetch(client.socks, 10).unwrap();
    for (kind, secret, auth) in [
        ("userpass", "Alice:p@ss:+wört/1", "aLICE:p@ss:+wört/1"),
        ("bare", "old % secret", "old % secret"),
    ] {
        let added = house.device_with_secret("alice", kind, kind, secret);
        let client = house.connect(&added);
        house.target.fetch(client.socks, 10).unwrap();
        let client = house
            .log_in_with(&added, auth)
            .unwrap_or_else(|refused| panic!("{}", refused.0));
        house.target.fetch(client.socks, 10).unwrap();
    }
}

/// Without `--allow-target`, the printed rules keep everybody off the node's own loopback.
#[test]
fn the_nodes_own_network_is_out_of_reach() {
    let house = House::start();
    let server = house.closed_node("n1", &[]);
    house.user("alice", &[]);
    let client = house.connect(&house.device("alice", "phone"));
    let seen = server.seen();
    assert!(house.target.fetch(client.socks, 10).is_err());
    let refused = server.says_after(seen, "tcp_end", |_| true);
    assert!(
        refused["error"].as_str().unwrap().contains("rejected"),
        "{refused}"
    );
    assert_eq!(house.target.counted(), (0, 0));
}
