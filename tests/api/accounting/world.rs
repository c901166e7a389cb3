//! Accounting as the program has it, on a real database, over fake nodes; instances beside each other where a test wants
//! two holders of one lease.
use crate::support::database::{TestDatabase, database};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Text},
};
use fake_node::FakeNode;
use hywarden::{
    admission::{ConnectionId, Directory, IdKeys},
    clock::{Clock, SystemClock},
    config::{self, Settings, Sources as Layers},
    hysteria::stats::{Dialer, StatsClient},
    keyring::Keyring,
    models::{DeviceNo, InstanceId, NodeNo, UserNo},
    repositories::{
        Db,
        readings::{Lease, Source},
    },
    services::{
        accounting::{self, Accounting, Context, Leasing, Outcome, Reader},
        directory::{DirectoryKeeper, Keeper, KeeperSettings},
        leases::Leases,
    },
    telemetry::Metrics,
};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub struct World {
    pub db: TestDatabase,
    pub pool: Db,
    pub ids: Arc<IdKeys>,
    pub directory: Arc<Directory>,
    pub keeper: Arc<DirectoryKeeper>,
    pub clock: Arc<dyn Clock>,
    stop: CancellationToken,
    settings: config::Accounting,
    retention: accounting::Retention,
}

/// One process: what dies with it, and its data directory, which does not.
pub struct Instance {
    pub accounting: Arc<Accounting>,
    pub context: Context,
    pub leasing: Leasing,
    pub data: Arc<TempDir>,
    pub metrics: Metrics,
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}
#[derive(QueryableByName)]
struct Json {
    #[diesel(sql_type = Text)]
    json: String,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Arc::new(SystemClock), |_| {}).await
    }

    /// With a clock and settings of its own.
    pub async fn with(clock: Arc<dyn Clock>, change: impl FnOnce(&mut config::Accounting)) -> Self {
        let db = database().await;
        let pool = db.pool();
        let keyring = Keyring::generate(clock.clone());
        let ids = Arc::new(IdKeys::new(&keyring.connection_id_keys()));
        let directory = Arc::<Directory>::default();
        let stop = CancellationToken::new();
        let keeper = KeeperSettings {
            database_url: db.url.clone(),
            period: Duration::from_secs(1),
            reconcile_every: Duration::from_mins(5),
        };
        let changed = |_: &[UserNo], _: &[NodeNo]| {};
        let (keeper, front) =
            Keeper::new(keeper, directory.clone(), clock.clone(), Arc::new(changed));
        tokio::spawn(keeper.run(stop.clone()));
        assert!(front.wait_filled(Duration::from_secs(30)).await);
        let layers = Layers {
            flags: vec![("data_dir".into(), "/nowhere".into())],
            ..Layers::default()
        };
        let settings = Settings::load(&layers).unwrap();
        let mut accounting = settings.accounting.clone();
        accounting.min_interval = Duration::from_millis(1);
        change(&mut accounting);
        let mut retention = accounting::Retention::from(&settings.retention);
        retention.connections = Duration::ZERO;
        Self {
            db,
            pool,
            ids,
            directory,
            keeper: Arc::new(front),
            clock,
            stop,
            settings: accounting,
            retention,
        }
    }

    /// A process with a new data directory.
    pub fn instance(&self) -> Instance {
        self.instance_in(Arc::new(TempDir::new().unwrap()))
    }

    /// A process that starts on the data directory of one that died.
    pub fn instance_in(&self, data: Arc<TempDir>) -> Instance {
        let metrics = Metrics::new().unwrap();
        let accounting = Arc::new(Accounting::new(accounting::Parts {
            db: self.pool.clone(),
            clock: self.clock.clone(),
            keys: self.ids.clone(),
            settings: self.settings.clone(),
            retention: self.retention,
            zone: chrono_tz::Tz::UTC,
            data_dir: data.path().to_owned(),
            metrics: metrics.clone(),
        }));
        Instance {
            context: Context {
                accounting: accounting.clone(),
                directory: self.directory.clone(),
                keeper: self.keeper.clone(),
                leases: Arc::new(Leases::memory(self.clock.clone())),
            },
            leasing: Leasing::new(self.pool.clone(), InstanceId(SystemClock.uuid()), false),
            accounting,
            data,
            metrics,
        }
    }

    pub async fn number(&self, sql: &str) -> i64 {
        let query = sql_query(format!("SELECT ({sql})::int8 AS number"));
        let rows: Vec<Number> = load(query, &mut self.db.connect().await).await;
        rows[0].number
    }

    /// The rows of a query, as JSON.
    pub async fn rows(&self, sql: &str) -> serde_json::Value {
        let query = sql_query(format!(
            "SELECT coalesce(json_agg(q), '[]')::text AS json FROM ({sql}) q"
        ));
        let rows: Vec<Json> = load(query, &mut self.db.connect().await).await;
        serde_json::from_str(&rows[0].json).unwrap()
    }

    /// A user with a device; both have this number. `more`: columns set otherwise, as in an UPDATE.
    pub async fn user(&self, n: i64, more: &str) {
        self.db
            .execute(&format!(
                "INSERT INTO users (id, number, name, window_started_at, activated_at, created_at, updated_at)
                 OVERRIDING SYSTEM VALUE VALUES (gen_random_uuid(), {n}, 'user{n}', now(), now(), now(), now());
                 INSERT INTO devices (id, number, user_no, name, created_at, updated_at)
                 OVERRIDING SYSTEM VALUE VALUES (gen_random_uuid(), {n}, {n}, 'phone', now(), now());
                 INSERT INTO group_users SELECT number, {n} FROM groups;
                 UPDATE users SET {} WHERE number = {n};
                 INSERT INTO changes (kind, entity) VALUES ('user', {n});",
                if more.is_empty() { "note = ''" } else { more }
            ))
            .await;
        self.keeper.caught_up().await.unwrap();
    }

    /// A node at a fake server.
    pub async fn node(&self, n: i64, at: &FakeNode) {
        self.db
            .execute(&format!(
                "INSERT INTO nodes (id, number, name, address, hook_secret_hash, hook_secret_sealed, stats_url, stats_secret_sealed, created_at, updated_at)
                 OVERRIDING SYSTEM VALUE VALUES (gen_random_uuid(), {n}, 'node{n}', 'localhost:443', sha256('x'), 'x', '{}/{n}', 'x', now(), now());
                 INSERT INTO group_nodes SELECT number, {n} FROM groups;
                 INSERT INTO changes (kind, entity) VALUES ('node', {n});",
                at.url()
            ))
            .await;
        self.keeper.caught_up().await.unwrap();
    }

    /// An id as admission mints it for this user's device on this node.
    pub fn id(&self, node: i64, user: i64) -> String {
        let id = ConnectionId {
            user: UserNo(user),
            device: DeviceNo(user),
            credential_version: 1,
            nonce: hywarden::clock::random(&SystemClock),
        };
        self.ids.mint(NodeNo(node), &id).unwrap()
    }

    /// Bytes credited to a user, by totals.
    pub async fn credited(&self, user: i64) -> i64 {
        self.number(&format!(
            "SELECT coalesce(sum(tx + rx), 0) FROM usage_totals WHERE user_no = {user}"
        ))
        .await
    }

    pub async fn generation(&self, node: i64) -> i64 {
        self.number(&format!(
            "SELECT generation FROM node_readings WHERE node_no = {node}"
        ))
        .await
    }

    /// Every sum agrees with every other: conservation at a quiet moment.
    pub async fn assert_conserved(&self) {
        let differences = self
            .rows(
                "WITH c AS (SELECT user_no, device_no, node_no, sum(base_tx + prev_tx + cur_tx) AS tx, sum(base_rx + prev_rx + cur_rx) AS rx FROM connections GROUP BY 1, 2, 3),
                 h AS (SELECT user_no, device_no, node_no, sum(tx) AS tx, sum(rx) AS rx FROM usage_hourly GROUP BY 1, 2, 3)
                 SELECT t.*, c.tx AS c_tx, h.tx AS h_tx, c.rx AS c_rx, h.rx AS h_rx
                 FROM usage_totals t FULL JOIN c USING (user_no, device_no, node_no) FULL JOIN h USING (user_no, device_no, node_no)
                 WHERE (t.tx, t.rx) IS DISTINCT FROM (h.tx, h.rx) OR (coalesce(c.tx, 0) > coalesce(t.tx, 0)) OR (coalesce(c.rx, 0) > coalesce(t.rx, 0))",
            )
            .await;
        assert_eq!(differences, serde_json::json!([]));
        let users = self
            .rows(
                "SELECT u.number, u.used_total, u.used, u.window_baseline, t.sum FROM users u
                 LEFT JOIN (SELECT user_no, sum(tx + rx) FROM usage_totals GROUP BY 1) t ON t.user_no = u.number
                 WHERE u.used_total <> coalesce(t.sum, 0) OR u.used <> u.used_total - u.window_baseline",
            )
            .await;
        assert_eq!(users, serde_json::json!([]));
    }
}

impl Instance {
    /// Takes the lease of a node, whoever holds it: as if the other's time had run out.
    pub async fn lease(&self, world: &World, node: i64) -> Lease {
        world
            .db
            .execute(&format!(
                "UPDATE node_readings SET held_until = now() - interval '1 s' WHERE node_no = {node}; DELETE FROM readers"
            ))
            .await;
        let leases = self.leasing.run_once().await.unwrap();
        *leases.iter().find(|l| l.node == NodeNo(node)).unwrap()
    }

    /// A reader of a node, under a new lease.
    pub async fn reader(&self, world: &World, node: i64, at: &FakeNode) -> Reader {
        let lease = self.lease(world, node).await;
        self.reader_under(world, lease, at).await
    }

    pub async fn reader_under(&self, world: &World, lease: Lease, at: &FakeNode) -> Reader {
        let source = self.source(world, lease.node).await;
        Reader::new(
            self.context.clone(),
            source,
            self.client(at),
            lease,
            CancellationToken::new(),
        )
    }

    #[expect(clippy::unused_self, reason = "every instance has clients of its own")]
    pub fn client(&self, at: &FakeNode) -> StatsClient {
        Dialer::new(&[])
            .unwrap()
            .node(at.url().parse().unwrap(), at.secret().into())
    }

    pub async fn source(&self, world: &World, node: NodeNo) -> Source {
        hywarden::repositories::readings::list_sources(&mut world.db.connect().await, &[node])
            .await
            .unwrap()
            .remove(0)
    }
}

/// A round that certainly reads.
pub async fn read(reader: &mut Reader) -> Outcome {
    reader.make_due();
    reader.run_once().await
}

// the trait in scope would take `TestDatabase::execute` away
async fn load<T: QueryableByName<diesel::pg::Pg> + Send + 'static>(
    query: diesel::query_builder::SqlQuery,
    conn: &mut diesel_async::AsyncPgConnection,
) -> Vec<T> {
    diesel_async::RunQueryDsl::load(query, conn).await.unwrap()
}
