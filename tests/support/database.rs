//! A PostgreSQL of the tests' own: one private cluster a test process, run by the same supervisor as in production, a
//! database a test, copied from one that was migrated once. The cluster ends with the process however that ends; its
//! folder is taken over by the next run.
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use hywarden::{
    database::{self, private},
    repositories::{Db, Use, pool},
};
use std::{
    collections::hash_map::DefaultHasher,
    fs::{self, File},
    hash::{Hash, Hasher},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};
use tokio::sync::OnceCell;

/// A database of one test, gone when dropped.
pub struct TestDatabase {
    pub name: String,
    pub url: String,
}

impl TestDatabase {
    /// A pool as the program has it; its connections live on the runtime of the caller.
    pub fn pool(&self) -> Db {
        pool(&self.url, 8, Use::Requests).unwrap()
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> AsyncPgConnection {
        connect(&self.url).await
    }

    /// Runs statements.
    pub async fn execute(&self, sql: &str) {
        self.connect().await.batch_execute(sql).await.unwrap();
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // the last one may have been dropped already
        let _ = JANITOR.send(self.name.clone());
    }
}

/// A database with all tables.
pub async fn database() -> TestDatabase {
    copy_of(&scratch().await.template).await
}

/// A database without tables.
pub async fn empty_database() -> TestDatabase {
    copy_of("template0").await
}

/// A database with all tables that sorts as a language does, as one of the operator's own may.
pub async fn database_in(language: &str) -> TestDatabase {
    let how = format!("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE '{language}'");
    let made = create(&how).await;
    database::up(&made.url).await.unwrap();
    made
}

async fn copy_of(template: &str) -> TestDatabase {
    create(&format!("TEMPLATE {template} STRATEGY wal_log")).await
}

async fn create(how: &str) -> TestDatabase {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let scratch = scratch().await;
    let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    let create = format!("CREATE DATABASE {name} {how}");
    connect(&scratch.url("postgres"))
        .await
        .batch_execute(&create)
        .await
        .unwrap();
    TestDatabase {
        url: scratch.url(&name),
        name,
    }
}

struct Scratch {
    base: String,
    template: String,
    _claim: File,
    // the thread behind it ends with the process, and the kernel then stops the server
    _supervisor: private::Supervisor,
}

impl Scratch {
    fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.base)
    }
}

async fn scratch() -> &'static Scratch {
    static SCRATCH: OnceCell<Scratch> = OnceCell::const_new();
    SCRATCH.get_or_init(start).await
}

async fn start() -> Scratch {
    let (dir, claim) = folder();
    let tuning = [
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
        ("max_connections", "300"),
        ("autovacuum", "off"),
    ];
    let options = private::Options {
        root: dir.join("postgres"),
        tuning: tuning.map(|(k, v)| (k, v.to_owned())).to_vec(),
        ..private::Options::default()
    };
    let mut supervisor = private::Supervisor::start(options.clone()).await;
    if supervisor.is_err() {
        // without fsync a machine that was switched off may leave anything
        fs::remove_dir_all(&options.root).unwrap();
        supervisor = private::Supervisor::start(options).await;
    }
    let supervisor = supervisor.unwrap();
    let url = supervisor.url();
    let base = url.strip_suffix("/postgres").unwrap().to_owned();
    let template = format!("template_{:x}", migrations());
    let mut conn = connect(&url).await;
    let old = names(&mut conn).await;
    for name in old.iter().filter(|name| **name != template) {
        conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
            .await
            .unwrap();
    }
    if !old.contains(&template) {
        conn.batch_execute("CREATE DATABASE template_unfinished")
            .await
            .unwrap();
        database::up(&format!("{base}/template_unfinished"))
            .await
            .unwrap();
        conn.batch_execute(&format!(
            "ALTER DATABASE template_unfinished RENAME TO {template}"
        ))
        .await
        .unwrap();
    }
    Scratch {
        base,
        template,
        _claim: claim,
        _supervisor: supervisor,
    }
}

async fn names(conn: &mut AsyncPgConnection) -> Vec<String> {
    use diesel::{QueryableByName, sql_types::Text};
    use diesel_async::RunQueryDsl;
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let all = "SELECT datname::text AS name FROM pg_database WHERE datname LIKE 'te%' AND NOT datistemplate";
    let rows: Vec<Name> = diesel::sql_query(all).load(conn).await.unwrap();
    rows.into_iter().map(|row| row.name).collect()
}

/// What the migrations say, as a number: a template of other migrations is not used.
fn migrations() -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut folders: Vec<_> = read(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/migrations"
    )));
    folders.sort();
    for folder in folders {
        folder.hash(&mut hasher);
        fs::read(folder.join("up.sql")).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}

/// A folder that no other test process uses, where the database's account may enter: never below the clone, which may
/// lie under a closed one.
fn folder() -> (PathBuf, File) {
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_MANIFEST_DIR"), env!("CARGO_CRATE_NAME")).hash(&mut hasher);
    let name = format!(
        "hywarden-test-{}-{:x}",
        nix::unistd::geteuid(),
        hasher.finish()
    );
    for n in 0..100 {
        let dir = Path::new("/tmp").join(format!("{name}-{n}"));
        fs::create_dir_all(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o711)).unwrap();
        let lock = File::create(dir.join("lock")).unwrap();
        if lock.try_lock().is_ok() {
            return (dir, lock);
        }
    }
    panic!("100 test processes run on this clone")
}

fn read(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect()
}

async fn connect(url: &str) -> AsyncPgConnection {
    AsyncPgConnection::establish(url).await.unwrap()
}

/// Drops databases beside the tests, which need not wait for it.
static JANITOR: LazyLock<mpsc::Sender<String>> = LazyLock::new(|| {
    let (names, dropped) = mpsc::channel::<String>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async move {
            let mut conn = connect(&scratch().await.url("postgres")).await;
            while let Ok(name) = dropped.recv() {
                let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                conn.batch_execute(&drop).await.unwrap();
            }
        });
    });
    names
});
