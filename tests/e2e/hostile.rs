//! Stats endpoints that misbehave cost neither memory, nor another node's turn, nor a byte.
use std::time::Duration;

use fake_node::{Ask, FakeNode, Fault};

use crate::harness::{house::House, until};

#[test]
fn what_answers_wrongly_hurts_nobody_else() {
    let house = House::start();
    let server = house.node("good", &[]);
    house.user("alice", &[]);
    let device = house.device("alice", "phone");
    let client = house.connect(&device);
    house.target.fetch(client.socks, 50_000).unwrap();
    house.wait_for_credit(&["--device", &device.id], house.target.counted());
    let before = house.peak_memory();

    let elsewhere = FakeNode::start("x");
    let faults = [
        ("huge", Fault::Huge(100 << 20)),
        ("silent", Fault::Stalls),
        ("slow", Fault::Dribble(1, Duration::from_secs(2))),
        ("garbage", Fault::Garbage(vec![0xff; 4 << 20])),
        ("half", Fault::HalfJson),
        (
            "redirects",
            Fault::Redirect(format!("{}/traffic", elsewhere.url())),
        ),
        ("failing", Fault::Status(500)),
    ];
    let mut fakes = Vec::new();
    for (name, fault) in faults {
        let fake = FakeNode::start("a-secret-of-the-stats-api-0123456789");
        fake.moves("somebody", 1, 1);
        fake.fail_always(Ask::Traffic, fault);
        house.strange_node(name, &fake);
        fakes.push((name, fake));
    }
    // Behind this one stands the good node's data, every id of it.
    let thief = FakeNode::start("a-secret-of-the-stats-api-0123456789");
    for (id, entry) in server.asks("/traffic").as_object().unwrap() {
        thief.set(
            id,
            entry["tx"].as_u64().unwrap() + 7_000_000,
            entry["rx"].as_u64().unwrap(),
        );
        thief.connect(id);
    }
    house.strange_node("thief", &thief);
    let wrong = ["silent", "garbage", "half", "redirects", "failing"];
    until("every wrong answer is shown", || {
        let nodes = house.ask(&["node", "list"]);
        let nodes = nodes
            .as_array()
            .or_else(|| nodes["items"].as_array())
            .unwrap();
        let failing = nodes.iter().filter(|node| node["stats_error"].is_string());
        let failing: Vec<_> = failing.filter_map(|node| node["name"].as_str()).collect();
        wrong
            .iter()
            .all(|name| failing.contains(name))
            .then_some(())
    });
    for _ in 0..5 {
        house.target.fetch(client.socks, 50_000).unwrap();
        house.wait_for_credit(&["--device", &device.id], house.target.counted());
    }
    assert!(thief.wait_for(Ask::Traffic, 1, Duration::from_mins(1)));
    house.wait_for_credit(&["--user", "alice"], house.target.counted());
    assert_eq!(house.credited(&["--node", "thief"]), (0, 0));
    assert!(elsewhere.calls().is_empty());
    until("the huge answer is read whole", || {
        let read = house.ask(&["node", "show", "huge"])["entries"].as_u64();
        (read > Some(700_000)).then_some(())
    });
    let grown = house.peak_memory() - before;
    assert!(grown < 64 << 20, "{grown} bytes more than before");
}
