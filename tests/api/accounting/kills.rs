//! The real program, twice, on one PostgreSQL and one Redis, with three nodes; one of the two is killed again and again
//! while clients log in and move bytes. Not one may be lost, not one be counted twice, and nobody may dead-lock.
//!
//! The first two nodes keep all their clients. On the third they come and go, so its map is cleaned up all the time: a
//! kill between the server's answer and its file may cost what moved since the read before, and nothing else (design,
//! 2B.4).
use super::{
    model::{Dice, seed},
    world::World,
};
use crate::support::{
    program::{Program, hywarden, open_dir, said},
    redis::RedisServer,
};
use fake_node::{Ask, FakeNode, Moved};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;

const NODES: usize = 3;
/// Clients of the node whose clients come and go.
const TRANSIENT: usize = 2;

const PATIENCE: Duration = Duration::from_mins(1);
/// What a cycle lasts beside the start of the program.
const CYCLE: Duration = Duration::from_millis(700);

struct House {
    dirs: [TempDir; 2],
    flags: Vec<String>,
    programs: Mutex<[Option<Program>; 2]>,
}

impl House {
    fn serve(&self, n: usize) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let program = Program::serve(self.dirs[n].path(), &flags);
        self.programs.lock().unwrap()[n] = Some(program);
    }

    fn kill(&self, n: usize) {
        let program = self.programs.lock().unwrap()[n].take();
        program.unwrap().kill();
    }

    /// Where the living listen.
    fn addresses(&self) -> Vec<String> {
        let programs = self.programs.lock().unwrap();
        let welcome = programs.iter().flatten().map(|program| &program.welcome);
        welcome.filter_map(|text| address(text)).collect()
    }

    fn ask(&self, args: &[&str]) -> Value {
        let out = hywarden(self.dirs[0].path())
            .args(args)
            .arg("--json")
            .output()
            .unwrap();
        assert!(out.status.success(), "{args:?}: {}", said(&out));
        serde_json::from_slice(&out.stdout).unwrap()
    }
}

fn address(welcome: &str) -> Option<String> {
    let (_, rest) = welcome.split_once("http://127.0.0.1:")?;
    let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(format!("http://127.0.0.1:{port}"))
}

/// One node with its clients, as the test knows them.
struct Site {
    fake: FakeNode,
    hook: (String, String),
    device: String,
    online: Mutex<Vec<String>>,
    moved: Mutex<BTreeMap<String, i64>>,
}

impl Site {
    fn total(&self) -> i64 {
        self.moved.lock().unwrap().values().sum()
    }

    fn traffic(&self, dice: &mut Dice) {
        let mut online = self.online.lock().unwrap();
        if online.is_empty() {
            return;
        }
        let at = usize::try_from(dice.below(online.len() as u64)).unwrap();
        let (tx, rx) = (dice.below(5_000), dice.below(50_000));
        match self.fake.moves(&online[at], tx, rx) {
            Moved::Counted => {
                let mut moved = self.moved.lock().unwrap();
                *moved.entry(online[at].clone()).or_default() += (tx + rx).cast_signed();
            }
            Moved::Kicked => {
                online.swap_remove(at);
            }
        }
    }

    fn leave(&self, dice: &mut Dice) {
        let mut online = self.online.lock().unwrap();
        if online.len() > 1 {
            let at = usize::try_from(dice.below(online.len() as u64)).unwrap();
            let id = online.swap_remove(at);
            self.fake.disconnect(&id);
        }
    }

    async fn login(&self, http: &reqwest::Client, at: &str) {
        let (node, secret) = &self.hook;
        let body = serde_json::json!({"addr": "192.0.2.1:4000", "auth": self.device, "tx": 0});
        let asked = http
            .post(format!("{at}/hook/v1/{node}"))
            .basic_auth(node, Some(secret))
            .json(&body)
            .send()
            .await;
        // whoever is killed meanwhile refuses, as far as Hysteria can tell
        let Ok(answer) = asked else { return };
        let Ok(answer) = answer.json::<Value>().await else {
            return;
        };
        if answer["ok"] == true {
            let id = answer["id"].as_str().unwrap().to_owned();
            self.fake.connect(&id);
            self.online.lock().unwrap().push(id);
        }
    }
}

fn cycles() -> u32 {
    if std::env::var_os("HYWARDEN_SOAK").is_some() {
        500
    } else {
        25
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_kill_loses_or_invents_a_byte() {
    let seed = seed();
    let world = World::new().await;
    let redis = RedisServer::start().await;
    let dirs = [open_dir(), open_dir()];
    let house = Arc::new(House {
        flags: flags(&world.db.url, &redis.url(), dirs[0].path()),
        dirs,
        programs: Mutex::default(),
    });
    let starting = house.clone();
    tokio::task::spawn_blocking(move || {
        starting.serve(0);
        starting.serve(1);
    })
    .await
    .unwrap();
    let sites = settle(&house).await;
    let stop = Arc::new(AtomicBool::new(false));
    let clients = tokio::spawn(clients(
        sites.clone(),
        house.clone(),
        stop.clone(),
        Dice::new(seed),
    ));
    let mut dice = Dice::new(seed.wrapping_add(1));
    let started = Instant::now();
    for _ in 0..cycles() {
        let pause = Duration::from_millis(dice.below(CYCLE.as_millis().try_into().unwrap()));
        let n = usize::from(dice.chance(50));
        let house = house.clone();
        tokio::task::spawn_blocking(move || {
            std::thread::park_timeout(pause);
            house.kill(n);
            house.serve(n);
        })
        .await
        .unwrap();
    }
    let took = started.elapsed();
    let fake = sites[TRANSIENT].fake.clone();
    let cleaned = move || fake.count(Ask::Clear) > 0 || fake.wait_for(Ask::Clear, 1, PATIENCE);
    let cleaned = tokio::task::spawn_blocking(cleaned).await.unwrap();
    assert!(cleaned, "a map is cleaned up");
    stop.store(true, Ordering::SeqCst);
    clients.await.unwrap();
    all_read(&world, &sites).await;
    let mut report = String::new();
    for (n, site) in sites.iter().enumerate() {
        let number = n + 1;
        let credited = of_node(&world, "usage_totals", number).await;
        let held = world
            .number(&format!("SELECT coalesce(sum(tx + rx), 0) FROM quarantine WHERE node_no = {number} AND resolved_at IS NULL"))
            .await;
        let moved = site.total();
        let clears = site.fake.count(Ask::Clear);
        writeln!(
            report,
            "node {number}: moved {moved}, credited {credited}, held {held}, clean-ups {clears}"
        )
        .unwrap();
        assert!(credited <= moved, "seed {seed}, invented:\n{report}");
        let lost = world
            .number(&format!("SELECT count(*) FROM events WHERE node_no = {number} AND kind = 'node.clean_up_lost'"))
            .await;
        if lost == 0 {
            assert!(credited + held >= moved, "seed {seed}, lost:\n{report}");
        }
        if n < TRANSIENT {
            assert_eq!(
                (credited, held, clears),
                (moved, 0, 0),
                "seed {seed}\n{report}"
            );
        }
    }
    println!(
        "{} kills in {:.0} s, seed {seed}\n{report}",
        cycles(),
        took.as_secs_f64()
    );
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(world.number(deadlocks).await, 0);
    for n in 0..2 {
        let program = house.programs.lock().unwrap()[n].take().unwrap();
        assert!(program.stop());
    }
    world.assert_conserved().await;
}

fn flags(database: &str, redis: &str, keys: &Path) -> Vec<String> {
    let mut flags = Vec::new();
    for (key, value) in [
        ("database.url", database.to_owned()),
        ("redis.url", redis.to_owned()),
        ("keys.file", keys.join("shared.keys").display().to_string()),
        ("accounting.dead_ids", "3".to_owned()),
        ("accounting.low_rate", "1TiB".to_owned()),
        ("accounting.min_interval", "50ms".to_owned()),
        ("accounting.max_interval", "200ms".to_owned()),
        ("log.level", "error".to_owned()),
    ] {
        flags.extend(["--set".to_owned(), format!("{key}={value}")]);
    }
    flags
}

/// A user and a device a node, and first clients on each.
async fn settle(house: &Arc<House>) -> Arc<Vec<Site>> {
    let mut sites = Vec::new();
    for n in 1..=NODES {
        let fake = FakeNode::start("stats-secret");
        let (user, node) = (format!("user{n}"), format!("node{n}"));
        let (house, url) = (house.clone(), fake.url());
        let (device, hook) = tokio::task::spawn_blocking(move || {
            house.ask(&["user", "create", &user]);
            let device = house.ask(&["device", "add", &user, "phone", "--max-connections", "900"]);
            let node = house.ask(&[
                "node",
                "add",
                &node,
                "--address",
                &format!("127.0.0.1:{}", 4000 + n),
                "--stats-url",
                &url,
                "--stats-secret",
                "stats-secret",
            ]);
            (device, node)
        })
        .await
        .unwrap();
        let hook: reqwest::Url = hook["hook_url"].as_str().unwrap().parse().unwrap();
        sites.push(Site {
            fake,
            hook: (
                hook.username().to_owned(),
                hook.password().unwrap().to_owned(),
            ),
            device: device["secret"].as_str().unwrap().to_owned(),
            online: Mutex::default(),
            moved: Mutex::default(),
        });
    }
    let http = reqwest::Client::builder().build().unwrap();
    for site in &sites {
        while site.online.lock().unwrap().len() < 10 {
            site.login(&http, &house.addresses()[0]).await;
        }
    }
    Arc::new(sites)
}

/// Moves bytes, logs in, leaves, until told to stop.
async fn clients(sites: Arc<Vec<Site>>, house: Arc<House>, stop: Arc<AtomicBool>, mut dice: Dice) {
    let http = reqwest::Client::builder()
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap();
    let mut tick = tokio::time::interval(Duration::from_millis(2));
    let mut turn = 0_u32;
    while !stop.load(Ordering::SeqCst) {
        tick.tick().await;
        turn = turn.wrapping_add(1);
        for site in sites.iter() {
            site.traffic(&mut dice);
        }
        if turn.is_multiple_of(20) {
            let transient = &sites[TRANSIENT];
            let addresses = house.addresses();
            if let Some(at) = dice.pick(&addresses) {
                transient.login(&http, at).await;
            }
            transient.leave(&mut dice);
        }
        if turn.is_multiple_of(200) {
            let addresses = house.addresses();
            let site = dice.pick(&sites[..TRANSIENT]).unwrap();
            if let Some(at) = dice.pick(&addresses) {
                site.login(&http, at).await;
            }
        }
    }
}

async fn of_node(world: &World, table: &str, node: usize) -> i64 {
    world
        .number(&format!(
            "SELECT coalesce(sum(tx + rx), 0) FROM {table} WHERE node_no = {node}"
        ))
        .await
}

/// Until each node was read twice more, and what that touched is summed.
async fn all_read(world: &World, sites: &[Site]) {
    for site in sites {
        let fake = site.fake.clone();
        let read = tokio::task::spawn_blocking(move || fake.wait_for(Ask::Traffic, 3, PATIENCE));
        assert!(read.await.unwrap(), "somebody reads every node");
    }
    let end = Instant::now() + PATIENCE;
    while world.number("SELECT count(*) FROM usage_touched").await > 0 {
        assert!(Instant::now() < end, "the sweeper works off what is left");
    }
}
