//! Windows, quotas, thresholds; admissions that start clocks; months; leases shared out.
use super::world::{World, read};
use crate::support::clock::TurnedClock;
use chrono::{DateTime, TimeDelta, Utc};
use fake_node::FakeNode;
use hywarden::{
    clock::Clock,
    models::{DeviceNo, NodeNo, UserNo},
    services::accounting::{
        Journal, OpenedConnection, OpenedWriter,
        opened::{self, Written},
    },
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_crossed_once_a_window_and_everybody_learns_it() {
    let clock = Arc::new(TurnedClock::at(at("2026-11-30T20:00:00Z")));
    let world = World::with(clock.clone(), |_| {}).await;
    let node = FakeNode::start("s");
    world
        .user(
            1,
            "quota=100, quota_window='month', window_started_at='2026-11-01T00:00:00Z'",
        )
        .await;
    world.node(1, &node).await;
    let instance = world.instance();
    let id = world.id(1, 1);
    node.connect(&id);
    let mut reader = instance.reader(&world, 1, &node).await;
    let told = async || {
        world
            .rows("SELECT kind, data->>'percent' AS percent FROM events WHERE user_no = 1 ORDER BY number")
            .await
    };
    node.moves(&id, 70, 0);
    read(&mut reader).await;
    assert_eq!(told().await, serde_json::json!([]));
    node.moves(&id, 15, 0);
    read(&mut reader).await;
    node.moves(&id, 10, 15);
    read(&mut reader).await;
    read(&mut reader).await;
    let events = serde_json::json!([
        {"kind": "user.quota_warning", "percent": "80"},
        {"kind": "user.quota_warning", "percent": "95"},
        {"kind": "user.limited", "percent": null},
    ]);
    assert_eq!(told().await, events);
    // the change log told the directory, and the next look at who is online acts on it
    world.keeper.caught_up().await.unwrap();
    reader.run_once().await;
    assert_eq!(node.marked(), std::slice::from_ref(&id));
    // the month ends; nothing is set to zero but what is used of it
    assert_eq!(instance.accounting.start_windows().await.unwrap(), 0);
    clock.turn(TimeDelta::days(40));
    assert_eq!(instance.accounting.start_windows().await.unwrap(), 1);
    assert_eq!(instance.accounting.start_windows().await.unwrap(), 0);
    let user = world
        .rows("SELECT used, used_total, window_baseline, warned_percent, window_started_at FROM users")
        .await;
    assert_eq!(
        user,
        serde_json::json!([{"used": 0, "used_total": 110, "window_baseline": 110, "warned_percent": 0, "window_started_at": "2027-01-01T00:00:00+00:00"}])
    );
    world.keeper.caught_up().await.unwrap();
    reader.run_once().await;
    assert_eq!(
        world
            .number("SELECT count(*) FROM events WHERE kind = 'user.window_started'")
            .await,
        1
    );
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_moves_the_baseline_and_a_rolling_anchor() {
    let clock = Arc::new(TurnedClock::at(at("2026-11-30T20:00:00Z")));
    let world = World::with(clock.clone(), |_| {}).await;
    let node = FakeNode::start("s");
    world
        .user(1, "quota_window='rolling-30', activated_at=NULL")
        .await;
    world.node(1, &node).await;
    let instance = world.instance();
    let id = world.id(1, 1);
    node.moves(&id, 70, 0);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    let anchor = "SELECT extract(epoch FROM window_anchor) FROM users";
    assert_eq!(
        world.number(anchor).await,
        clock.now().timestamp(),
        "by its first bytes"
    );
    clock.turn(TimeDelta::days(10));
    let mut conn = world.db.connect().await;
    assert!(
        instance
            .accounting
            .reset_in(&mut conn, UserNo(1))
            .await
            .unwrap()
    );
    assert_eq!(world.number(anchor).await, clock.now().timestamp());
    node.moves(&id, 5, 0);
    read(&mut reader).await;
    assert_eq!(world.number("SELECT used FROM users").await, 5);
    clock.turn(TimeDelta::days(29));
    assert_eq!(instance.accounting.start_windows().await.unwrap(), 0);
    clock.turn(TimeDelta::days(1));
    assert_eq!(instance.accounting.start_windows().await.unwrap(), 1);
    assert_eq!(world.number("SELECT used FROM users").await, 0);
    world.assert_conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn admissions_are_written_in_batches_journaled_in_an_outage_and_start_clocks() {
    let world = World::new().await;
    world
        .user(1, "on_hold=true, activated_at=NULL, valid_for_seconds=60")
        .await;
    let instance = world.instance();
    let stop = CancellationToken::new();
    let (sender, queue) = opened::queue(100);
    let journal = Journal::open(instance.data.path()).await.unwrap();
    let wait = Duration::from_millis(5);
    let mut writer = OpenedWriter::new(world.pool.clone(), queue, journal, 3, wait);
    let opened = |n: i64, activates| OpenedConnection {
        id: format!("id{n}").into(),
        node: NodeNo(1),
        user: UserNo(1),
        device: DeviceNo(1),
        credential_version: 1,
        addr: Some("::ffff:192.0.2.7".parse().unwrap()),
        admitted_at: at("2026-11-21T10:00:00Z") + TimeDelta::seconds(n),
        activates,
    };
    for n in (0..4).rev() {
        assert!(sender.try_send(opened(n, n < 2)));
    }
    assert_eq!(writer.run_once(&stop).await, Written::Rows(3));
    assert_eq!(writer.run_once(&stop).await, Written::Rows(1));
    let user = "SELECT activated_at, expires_at FROM users";
    assert_eq!(
        world.rows(user).await,
        serde_json::json!([{"activated_at": "2026-11-21T10:00:00+00:00", "expires_at": "2026-11-21T10:01:00+00:00"}]),
        "the earliest that any writer knew"
    );
    let addr = "SELECT host(client_addr) AS addr FROM connections WHERE id = 'id1'";
    assert_eq!(
        world.rows(addr).await,
        serde_json::json!([{"addr": "192.0.2.7"}])
    );
    // the table is away, and so is the database as far as the writer can tell
    world
        .db
        .execute("ALTER TABLE connections RENAME TO away")
        .await;
    assert!(sender.try_send(opened(5, false)));
    assert_eq!(writer.run_once(&stop).await, Written::Journaled(1));
    assert!(sender.try_send(opened(6, false)));
    assert_eq!(writer.run_once(&stop).await, Written::Journaled(1));
    world
        .db
        .execute("ALTER TABLE away RENAME TO connections")
        .await;
    // killed; the next process finds the journal
    drop((writer, sender));
    let (_sender, queue) = opened::queue(100);
    let journal = Journal::open(instance.data.path()).await.unwrap();
    let mut writer = OpenedWriter::new(world.pool.clone(), queue, journal, 3, wait);
    assert_eq!(writer.run_once(&stop).await, Written::Replayed(2));
    assert_eq!(world.number("SELECT count(*) FROM connections").await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn months_are_made_ahead_and_take_over_what_came_before_them() {
    let clock = Arc::new(TurnedClock::at(at("2026-11-30T20:00:00Z")));
    let world = World::with(clock.clone(), |_| {}).await;
    let node = FakeNode::start("s");
    world.user(1, "").await;
    world.node(1, &node).await;
    let instance = world.instance();
    let id = world.id(1, 1);
    node.moves(&id, 70, 0);
    let mut reader = instance.reader(&world, 1, &node).await;
    read(&mut reader).await;
    let stray = "SELECT count(*) FROM usage_hourly_default";
    assert_eq!(world.number(stray).await, 1);
    instance.accounting.look_after_partitions().await.unwrap();
    instance.accounting.look_after_partitions().await.unwrap();
    assert_eq!(world.number(stray).await, 0);
    assert_eq!(
        world
            .number("SELECT count(*) FROM usage_hourly_y2026m11")
            .await,
        1
    );
    assert_eq!(
        world
            .number("SELECT tx FROM usage_daily WHERE day = '2026-11-30'")
            .await,
        70
    );
    world.assert_conserved().await;
    clock.turn(TimeDelta::days(500));
    instance.accounting.look_after_partitions().await.unwrap();
    assert_eq!(
        world.number("SELECT count(*) FROM usage_hourly").await,
        0,
        "dropped"
    );
    assert_eq!(
        world.number("SELECT tx FROM usage_daily").await,
        70,
        "the day stays"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_shared_out_over_the_instances_that_live() {
    let world = World::new().await;
    let node = FakeNode::start("s");
    for n in 1..=5 {
        world.node(n, &node).await;
    }
    let (a, b) = (world.instance(), world.instance());
    assert_eq!(a.leasing.run_once().await.unwrap().len(), 5);
    assert_eq!(b.leasing.run_once().await.unwrap().len(), 0, "all are held");
    assert_eq!(a.leasing.run_once().await.unwrap().len(), 3, "a fair share");
    let of_b = b.leasing.run_once().await.unwrap();
    assert_eq!(of_b.len(), 2);
    assert!(of_b.iter().all(|lease| lease.epoch == 2));
    let kept = a.leasing.run_once().await.unwrap();
    assert!(
        kept.iter().all(|lease| lease.epoch == 1),
        "renewed, not taken anew"
    );
    b.leasing.release().await.unwrap();
    assert_eq!(a.leasing.run_once().await.unwrap().len(), 5);
}
