//! The rules once more, as plainly as they can be written: one flat list, no locks, no index. Random histories must come
//! out the same, over memory and over Redis.
use super::world::{Store, World, patient};
use chrono::{DateTime, TimeDelta, Utc};
use hywarden::{
    admission::{
        AddrKey,
        concurrency::{Claim, Listed, Taken},
    },
    clock::Clock,
    models::{DeviceNo, NodeNo, OnConflict, UserNo},
};
use proptest::{collection::vec, prelude::*, test_runner::TestRunner};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Clone, Debug)]
enum Step {
    Login {
        device: i64,
        node: i64,
        addr: Option<u64>,
    },
    /// What the node lists: each id ever admitted there, or not.
    Lists {
        node: i64,
        which: Vec<bool>,
    },
    Unreadable {
        node: i64,
        seconds: i64,
    },
    Kick {
        nth: usize,
    },
    Wait {
        units: i64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let login = (
        0..8_i64,
        0..3_i64,
        proptest::option::weighted(0.9, 0..3_u64),
    );
    let step = prop_oneof![
        8 => login.prop_map(|(device, node, addr)| Step::Login { device, node, addr }),
        4 => (0..3_i64, vec(any::<bool>(), 64)).prop_map(|(node, which)| Step::Lists { node, which }),
        1 => (0..3_i64, 0..200_i64).prop_map(|(node, seconds)| Step::Unreadable { node, seconds }),
        1 => (0..64_usize).prop_map(|nth| Step::Kick { nth }),
        3 => (1..30_i64).prop_map(|units| Step::Wait { units }),
    ];
    vec(step, 1..60)
}

/// Devices 0-3 belong to a user with a cap of 2, the others to one without; they differ in the rest, too.
fn claim(n: usize, device: i64, node: i64, addr: Option<u64>) -> Claim {
    Claim {
        user: UserNo(device / 4),
        device: DeviceNo(device),
        node: NodeNo(node),
        id: format!("{device}.{n:04}").into(),
        addr: addr.map(AddrKey),
        max_connections: if device % 4 == 3 { 2 } else { 1 },
        on_conflict: if device % 4 == 2 {
            OnConflict::Refuse
        } else {
            OnConflict::Newest
        },
        online_limit: (device < 4).then_some(2),
    }
}

#[derive(Clone)]
struct Connection {
    claim: Claim,
    since: DateTime<Utc>,
    missing: u8,
    kick: bool,
    /// Admitted here, not only heard of.
    room: Option<usize>,
}

#[derive(Default)]
struct Model {
    open: Vec<Connection>,
    struck: BTreeMap<DeviceNo, Vec<DateTime<Utc>>>,
    braked: BTreeMap<DeviceNo, DateTime<Utc>>,
}

impl Model {
    fn take(&mut self, new: &Claim, now: DateTime<Utc>) -> Taken {
        let elsewhere = |c: &Connection| {
            c.claim.addr.is_some() && new.addr.is_some() && c.claim.addr != new.addr
        };
        let live = || {
            self.open
                .iter()
                .filter(|c| !c.kick && c.claim.user == new.user)
        };
        let mut devices: Vec<_> = live().map(|c| c.claim.device).collect();
        devices.sort();
        devices.dedup();
        if new
            .online_limit
            .is_some_and(|l| devices.len() >= l as usize)
            && !devices.contains(&new.device)
        {
            return Taken::DeviceLimit;
        }
        let mut rivals: Vec<Connection> = live()
            .filter(|c| c.claim.device == new.device && (c.claim.node == new.node || elsewhere(c)))
            .cloned()
            .collect();
        rivals.sort_by_key(|c| (c.claim.addr != new.addr, c.since, c.claim.id.clone()));
        let keep = new.max_connections as usize - 1;
        rivals.truncate(rivals.len().saturating_sub(keep));
        if !rivals.is_empty() && new.on_conflict == OnConflict::Refuse {
            return Taken::DeviceConcurrency { braked_now: false };
        }
        if rivals.iter().any(elsewhere) {
            if self
                .braked
                .get(&new.device)
                .is_some_and(|until| now < *until)
            {
                return Taken::DeviceConcurrency { braked_now: false };
            }
            let struck = self.struck.entry(new.device).or_default();
            struck.retain(|at| now - *at < TimeDelta::seconds(60));
            if struck.len() == 3 {
                struck.clear();
                self.braked.insert(new.device, now + TimeDelta::seconds(60));
                return Taken::DeviceConcurrency { braked_now: true };
            }
            struck.push(now);
        }
        for c in &mut self.open {
            c.kick |= rivals.iter().any(|r| r.claim.id == c.claim.id);
        }
        self.open.push(Connection {
            claim: new.clone(),
            since: now,
            missing: 0,
            kick: false,
            room: (new.on_conflict == OnConflict::Newest).then_some(new.max_connections.into()),
        });
        Taken::Leased {
            displaced: sorted(rivals.iter().map(|r| r.claim.node)),
        }
    }

    /// (to kick, ended, regained)
    fn lists(
        &mut self,
        node: NodeNo,
        asked_at: DateTime<Utc>,
        listed: &[Claim],
    ) -> [Vec<Arc<str>>; 3] {
        let is_listed = |id: &Arc<str>| listed.iter().any(|l| l.id == *id);
        let mut new: Vec<&Claim> = listed.iter().collect();
        new.retain(|l| self.open.iter().all(|c| c.claim.id != l.id));
        let here = |c: &Connection| c.claim.node == node;
        for c in self.open.iter_mut().filter(|c| here(c)) {
            if is_listed(&c.claim.id) {
                c.missing = 0;
            } else if c.since < asked_at {
                c.missing += 1;
            }
        }
        let gone = self.open.iter().filter(|c| here(c) && c.missing == 2);
        let ended = sorted(gone.map(|c| c.claim.id.clone()));
        self.open.retain(|c| !(here(c) && c.missing == 2));
        let mut regained = Vec::new();
        for l in new {
            let newer = || {
                let same = |c: &&Connection| here(c) && c.claim.device == l.device && !c.kick;
                self.open.iter().filter(same).filter_map(|c| c.room)
            };
            let kick = newer().min().is_some_and(|room| newer().count() >= room);
            if !kick {
                regained.push(l.id.clone());
            }
            self.open.push(Connection {
                claim: Claim {
                    addr: None,
                    ..l.clone()
                },
                since: asked_at,
                missing: 0,
                kick,
                room: None,
            });
        }
        let kicked = self
            .open
            .iter()
            .filter(|c| here(c) && c.kick && is_listed(&c.claim.id));
        let kick = sorted(kicked.map(|c| c.claim.id.clone()));
        [kick, ended, sorted(regained)]
    }

    fn unreadable(
        &mut self,
        node: NodeNo,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Vec<Arc<str>> {
        let over = |c: &Connection| {
            c.claim.node == node && now - c.since.max(since) >= TimeDelta::seconds(90)
        };
        let ended = sorted(
            self.open
                .iter()
                .filter(|c| over(c))
                .map(|c| c.claim.id.clone()),
        );
        self.open.retain(|c| !over(c));
        ended
    }

    fn online(&self) -> (usize, usize) {
        let live = || self.open.iter().filter(|c| !c.kick);
        let mut devices = sorted(live().map(|c| c.claim.device));
        devices.dedup();
        (devices.len(), live().count())
    }
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort();
    items
}

async fn replay(store: Store, steps: Vec<Step>) {
    let world = World::new(store).await;
    let (mut model, mut admitted) = (Model::default(), Vec::<Claim>::new());
    // In Redis a lease that nobody confirms ends by itself after 110 s; nodes are read far more often.
    let unit = if store == Store::Memory { 1000 } else { 40 };
    for (n, step) in steps.into_iter().enumerate() {
        world.turn(TimeDelta::milliseconds(1));
        let now = world.clock.now();
        let context = format!("step {n}: {step:?}");
        match step {
            Step::Login { device, node, addr } => {
                let claim = claim(n, device, node, addr);
                let mut taken = world.leases.take(&claim, patient()).await;
                if let Taken::Leased { displaced } = &mut taken {
                    displaced.sort();
                    admitted.push(claim.clone());
                }
                assert_eq!(taken, model.take(&claim, now), "{context}");
            }
            Step::Lists { node, which } => {
                let here = admitted.iter().zip(which);
                let listed: Vec<Claim> = here
                    .filter(|(c, is)| *is && c.node.0 == node)
                    .map(|(c, _)| c.clone())
                    .collect();
                world.turn(TimeDelta::milliseconds(1));
                let asked: Vec<Listed<'_>> = listed.iter().map(super::world::listed).collect();
                let seen = world.leases.observe(NodeNo(node), now, &asked).await;
                let held = |held: Vec<hywarden::admission::concurrency::Held>| {
                    sorted(held.into_iter().map(|h| h.id))
                };
                let answer = [sorted(seen.kick), held(seen.ended), held(seen.regained)];
                assert_eq!(answer, model.lists(NodeNo(node), now, &listed), "{context}");
            }
            Step::Unreadable { node, seconds } => {
                let since = now - TimeDelta::seconds(seconds);
                let ended = world.leases.node_unreadable(NodeNo(node), since).await;
                let ended = sorted(ended.into_iter().map(|h| h.id));
                assert_eq!(
                    ended,
                    model.unreadable(NodeNo(node), since, now),
                    "{context}"
                );
            }
            Step::Kick { nth } => {
                let open = model.open.len().max(1);
                if let Some(c) = model.open.get_mut(nth % open) {
                    c.kick = true;
                    world
                        .leases
                        .displace(c.claim.node, &[super::world::listed(&c.claim)])
                        .await;
                }
            }
            Step::Wait { units } => world.turn(TimeDelta::milliseconds(units * unit)),
        }
        let online = world.leases.online();
        assert_eq!(
            (online.devices, online.connections),
            model.online(),
            "{context}"
        );
        for c in &model.open {
            assert_eq!(world.kick_pending(&c.claim).await, c.kick, "{context}");
        }
        assert_ne!(world.leases.redis_up(), Some(false));
    }
}

fn histories(store: Store, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    runner
        .run(&steps(), |steps| {
            runtime.block_on(replay(store, steps));
            Ok(())
        })
        .unwrap();
}

#[test]
fn memory_agrees() {
    histories(Store::Memory, 1000);
}

#[test]
fn redis_agrees() {
    histories(Store::Redis, 100);
}
