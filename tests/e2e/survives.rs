//! What ends without warning loses nothing that could be read.
use crate::harness::{house::House, until};

/// The server starts anew: what was read stays, what comes is added.
#[test]
fn a_restart_of_the_server() {
    let house = House::start();
    let mut server = house.node("n1", &[]);
    house.user("alice", &[]);
    let device = house.device("alice", "phone");
    let mut sum = (0, 0);
    for round in 0..3 {
        let client = house.connect(&device);
        house.target.fetch(client.socks, 200_000 + round).unwrap();
        house.target.upload(client.socks, 50_000 - round).unwrap();
        sum = house.target.counted();
        house.wait_for_credit(&["--device", &device.id], sum);
        drop(client);
        server.restart();
    }
    house.wait_for_credit(&["--user", "alice"], sum);
    assert_eq!(server.counted(), (0, 0));
    until("the server is read again", || {
        let nodes = house.ask(&["node", "show", "n1"]);
        nodes["stats_error"].is_null().then_some(())
    });
}

/// The program is killed while data moves: connections go on, and every byte is credited once it is back.
#[test]
fn a_kill_of_the_program() {
    let mut house = House::start();
    let server = house.node("n1", &[]);
    house.user("alice", &[]);
    let device = house.device("alice", "phone");
    let client = house.connect(&device);
    for round in 0..3 {
        let mut flow = house.target.endless(client.socks).unwrap();
        house.target.fetch(client.socks, 100_000 + round).unwrap();
        house.kill();
        assert!(flow.moves());
        house.target.upload(client.socks, 30_000).unwrap();
        drop(flow);
        house.start_again();
    }
    // Until nothing moves any more: streams that were cut are still being counted out.
    let counted = until("the server is quiet", || {
        let before = server.counted();
        house.target.fetch(client.socks, 1).unwrap();
        let after = server.counted();
        (after.1 - before.1 < 200).then_some(after)
    });
    house.wait_for_credit(&["--device", &device.id], counted);
    house.wait_for_credit(&["--node", "n1"], counted);
}
