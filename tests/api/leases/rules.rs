//! Each rule of the design's section 3, over both stores.
use super::world::{Store, World, displacing, leased, listed, over_both, patient};
use chrono::TimeDelta;
use hywarden::{
    admission::{
        AddrKey,
        concurrency::{Claim, Taken},
    },
    clock::Clock,
    models::{NodeNo, OnConflict},
};
use tokio::task::JoinSet;

fn from(claim: Claim, addr: u64) -> Claim {
    Claim {
        addr: Some(AddrKey(addr)),
        ..claim
    }
}

fn capped(claim: Claim, limit: u32) -> Claim {
    Claim {
        online_limit: Some(limit),
        ..claim
    }
}

const REFUSED: Taken = Taken::DeviceConcurrency { braked_now: false };

async fn all_at_once(world: &World, claims: Vec<Claim>) -> Vec<Taken> {
    let mut logins = JoinSet::new();
    for claim in claims {
        let leases = world.leases.clone();
        logins.spawn(async move { leases.take(&claim, patient()).await });
    }
    logins.join_all().await
}

over_both! {
    async fn the_newest_connection_displaces_the_older(world) {
        let (old, new) = (world.login(1, 1), from(world.login(1, 1), 8));
        assert_eq!(world.take(&old).await, leased());
        assert_eq!(world.take(&new).await, displacing(&[1]));
        assert!(world.kick_pending(&old).await);
        assert!(!world.kick_pending(&new).await);
        for _ in 0..3 {
            assert_eq!(world.lists(1, &[&old, &new]).await.kick, std::slice::from_ref(&old.id), "again until it is gone");
        }
        world.lists(1, &[&new]).await;
        assert_eq!(world.lists(1, &[&new]).await.ended.len(), 1);
        assert!(!world.kick_pending(&old).await);
        assert_eq!(world.leases.online().connections, 1);
    }

    async fn refuse_refuses_at_once(world) {
        let strict = |claim| Claim { on_conflict: OnConflict::Refuse, ..claim };
        assert_eq!(world.take(&strict(world.login(1, 1))).await, leased());
        assert_eq!(world.take(&strict(world.login(1, 1))).await, REFUSED);
        assert_eq!(world.take(&strict(world.login(1, 2))).await, leased(), "each node has its own count");
        assert_eq!(world.take(&strict(from(world.login(1, 2), 8))).await, REFUSED);
    }

    async fn testing_all_servers_from_one_address_is_no_conflict(world) {
        for node in 1..=5 {
            assert_eq!(world.take(&world.login(1, node)).await, leased());
        }
        let elsewhere = from(world.login(1, 6), 8);
        let Taken::Leased { mut displaced } = world.take(&elsewhere).await else { panic!("refused") };
        displaced.sort();
        assert_eq!(displaced, [1, 2, 3, 4, 5].map(NodeNo), "another address is another place");
    }

    async fn an_unknown_address_displaces_nobody_elsewhere(world) {
        assert_eq!(world.take(&world.login(1, 1)).await, leased());
        let unknown = Claim { addr: None, ..world.login(1, 2) };
        assert_eq!(world.take(&unknown).await, leased());
        assert_eq!(world.take(&Claim { addr: None, ..world.login(1, 1) }).await, displacing(&[1]));
    }

    async fn a_reconnect_replaces_its_own_ghost_first(world) {
        let two = |claim| Claim { max_connections: 2, ..claim };
        let (office, phone) = (two(world.login(1, 1)), two(from(world.login(1, 1), 8)));
        assert_eq!(world.take(&office).await, leased());
        assert_eq!(world.take(&phone).await, leased());
        assert_eq!(world.take(&two(from(world.login(1, 1), 8))).await, displacing(&[1]));
        assert!(world.kick_pending(&phone).await);
        assert!(!world.kick_pending(&office).await, "though it is older");
    }

    async fn two_places_may_not_displace_each_other_for_ever(world) {
        assert_eq!(world.take(&world.login(1, 1)).await, leased());
        for addr in [8, 7, 8] {
            assert_eq!(world.take(&from(world.login(1, 1), addr)).await, displacing(&[1]));
        }
        assert_eq!(world.take(&world.login(1, 1)).await, Taken::DeviceConcurrency { braked_now: true });
        world.turn(TimeDelta::seconds(59));
        assert_eq!(world.take(&world.login(1, 2)).await, REFUSED, "on any node, one event");
        assert_eq!(world.take(&from(world.login(1, 1), 8)).await, displacing(&[1]), "its holder may reconnect");
        world.turn(TimeDelta::seconds(1));
        assert_eq!(world.take(&world.login(1, 1)).await, displacing(&[1]), "and then it starts anew");
    }

    async fn slow_changes_of_place_are_free(world) {
        assert_eq!(world.take(&world.login(1, 1)).await, leased());
        for addr in [8, 7, 8, 7, 8, 7] {
            world.turn(TimeDelta::seconds(20));
            assert_eq!(world.take(&from(world.login(1, 1), addr)).await, displacing(&[1]));
        }
    }

    async fn a_cap_counts_devices_not_connections(world) {
        assert_eq!(world.take(&capped(world.login(1, 1), 2)).await, leased());
        assert_eq!(world.take(&capped(world.login(1, 2), 2)).await, leased());
        assert_eq!(world.take(&capped(world.login(2, 1), 2)).await, leased());
        assert_eq!(world.take(&capped(world.login(3, 1), 2)).await, Taken::DeviceLimit);
        assert_eq!(world.take(&capped(world.login(2, 1), 2)).await, displacing(&[1]), "a known device is never counted twice");
    }

    async fn a_connection_with_a_kick_pending_counts_nowhere(world) {
        let blocked = capped(world.login(1, 1), 1);
        assert_eq!(world.take(&blocked).await, leased());
        assert_eq!(world.take(&capped(world.login(2, 1), 1)).await, Taken::DeviceLimit);
        world.leases.displace(NodeNo(1), &[listed(&blocked)]).await;
        assert_eq!(world.take(&capped(world.login(2, 1), 1)).await, leased());
        assert_eq!(world.lists(1, &[&blocked]).await.kick, std::slice::from_ref(&blocked.id));
    }

    async fn a_ghost_ends_when_two_answers_lack_it(world) {
        world.lists(1, &[]).await;
        let ghost = capped(world.login(1, 1), 1);
        assert_eq!(world.take(&ghost).await, leased());
        let asked_before = world.clock.now() - TimeDelta::milliseconds(1);
        assert!(world.leases.observe(NodeNo(1), asked_before, &[]).await.ended.is_empty());
        assert!(world.lists(1, &[]).await.ended.is_empty(), "the answer asked before it proves nothing");
        assert_eq!(world.take(&capped(world.login(2, 1), 1)).await, Taken::DeviceLimit);
        assert_eq!(world.lists(1, &[]).await.ended.len(), 1);
        assert_eq!(world.take(&capped(world.login(2, 1), 1)).await, leased());
    }

    async fn one_missing_answer_ends_nothing(world) {
        let claim = world.login(1, 1);
        assert_eq!(world.take(&claim).await, leased());
        for _ in 0..3 {
            assert!(world.lists(1, &[]).await.ended.is_empty());
            assert!(world.lists(1, &[&claim]).await.ended.is_empty());
        }
        assert_eq!(world.leases.nodes_of(claim.user), [NodeNo(1)]);
    }

    async fn a_dead_nodes_leases_end_after_90_s(world) {
        assert_eq!(world.take(&capped(world.login(1, 1), 1)).await, leased());
        let since = world.clock.now();
        world.turn(TimeDelta::seconds(60));
        let late = capped(world.login(1, 1), 1);
        assert_eq!(world.take(&late).await, displacing(&[1]));
        world.turn(TimeDelta::seconds(31));
        assert_eq!(world.leases.node_unreadable(NodeNo(1), since).await.len(), 1);
        assert_eq!(world.take(&capped(world.login(2, 2), 1)).await, Taken::DeviceLimit, "the later login has its own 90 s");
        world.turn(TimeDelta::seconds(60));
        assert_eq!(world.leases.node_unreadable(NodeNo(1), since).await.len(), 1);
        assert_eq!(world.take(&capped(world.login(2, 2), 1)).await, leased());
    }

    async fn a_removed_node_takes_its_leases_along(world) {
        assert_eq!(world.take(&capped(world.login(1, 1), 1)).await, leased());
        world.leases.forget_node(NodeNo(1)).await;
        assert_eq!(world.take(&capped(world.login(2, 2), 1)).await, leased());
    }

    async fn a_cap_is_exact_under_200_logins_at_once(world) {
        let claims = (0..200).map(|device| capped(world.login(device, device % 3), 3)).collect();
        let answers = all_at_once(&world, claims).await;
        assert_eq!(answers.iter().filter(|t| **t == leased()).count(), 3);
        assert_eq!(answers.iter().filter(|t| **t == Taken::DeviceLimit).count(), 197);
    }

    async fn a_device_is_exact_under_200_logins_at_once(world) {
        let claims: Vec<Claim> = (0..200).map(|_| Claim { max_connections: 2, ..world.login(1, 1) }).collect();
        let answers = all_at_once(&world, claims.clone()).await;
        assert!(answers.iter().all(|t| matches!(t, Taken::Leased { .. })));
        assert_eq!(world.leases.online().connections, 2);
        let kicked = world.lists(1, &claims.iter().collect::<Vec<_>>()).await.kick;
        assert_eq!(kicked.len(), 198);

        let strict = |_| Claim { on_conflict: OnConflict::Refuse, ..world.login(2, 1) };
        let answers = all_at_once(&world, (0..200).map(strict).collect()).await;
        assert_eq!(answers.iter().filter(|t| **t == leased()).count(), 1);
    }

    async fn after_a_start_logins_wait_until_every_node_was_heard(world) {
        let other = capped(world.login(2, 3), 1);
        world.leases.expect(&[NodeNo(1), NodeNo(2)]);
        assert_eq!(world.take(&world.login(9, 1)).await, leased(), "who has no cap does not wait");
        world.leases.forget_node(NodeNo(1)).await;
        world.leases.expect(&[NodeNo(1), NodeNo(2)]);
        let before = capped(world.login(1, 1), 1);
        let leases = world.leases.clone();
        let waiting = tokio::spawn(async move { leases.take(&other, patient()).await });
        world.leases.node_unreadable(NodeNo(2), world.clock.now()).await;
        assert!(!waiting.is_finished());
        assert_eq!(world.lists(1, &[&before]).await.regained.len(), 1);
        assert_eq!(waiting.await.unwrap(), Taken::DeviceLimit, "who is listed has its lease again");
    }

    async fn who_came_before_a_start_gives_way_to_who_came_since(world) {
        let before = world.login(1, 1);
        let since = world.login(1, 1);
        assert_eq!(world.take(&since).await, leased());
        assert_eq!(world.lists(1, &[&before, &since]).await.kick, std::slice::from_ref(&before.id));
        assert!(world.kick_pending(&before).await);
        assert_eq!(world.leases.online().connections, 1);
    }

    async fn the_start_gate_gives_way_at_the_deadline(world) {
        world.leases.expect(&[NodeNo(1)]);
        let now = tokio::time::Instant::now();
        assert_eq!(world.leases.take(&capped(world.login(1, 1), 1), now).await, leased());
    }
}
