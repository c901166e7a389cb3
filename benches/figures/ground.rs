//! The ground of all figures: a data directory as the program makes it, with a million devices in it.
use crate::{
    data::{self, Caller},
    load,
};
use anyhow::{Context, Result};
use fake_node::FakeNode;
use hywarden::{
    admission::CredentialKeys,
    clock::{Clock, SystemClock},
    database::{self, private},
    keyring::{Keyring, Place},
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};
use tokio_postgres::{Client, NoTls};

/// Nodes that the logins are spread over.
const NODES: usize = 8;

pub struct Ground {
    pub dir: PathBuf,
    pub keys: PathBuf,
    pub nodes: Vec<FakeNode>,
    pub callers: Vec<Caller>,
    keyring: Keyring,
}

impl Ground {
    /// Makes it: minutes the first time, since a million credentials are hashed and indexed.
    pub async fn make() -> Result<Self> {
        let dir = PathBuf::from("/tmp").join(format!("hywarden-figures-{}", nix::unistd::getpid()));
        fs::create_dir_all(&dir)?;
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o711))?;
        fs::create_dir_all(load::file(""))?;
        let keys = dir.join("keys.toml");
        let keyring = Keyring::generate(Arc::new(SystemClock));
        keyring.write_new(&keys)?;
        let nodes: Vec<FakeNode> = (0..NODES)
            .map(|n| FakeNode::start(&format!("stats-{n}")))
            .collect();
        let callers = (1..=NODES).map(|n| Caller {
            name: format!("node{n}"),
            secret: format!("secret-of-node-{n}"),
        });
        let ground = Self {
            callers: callers.collect(),
            dir,
            keys,
            nodes,
            keyring,
        };
        let supervisor = ground.postgres().await?;
        let started = Instant::now();
        database::up(&supervisor.url()).await?;
        let mut db = connect(&supervisor.url()).await?;
        ground.add_nodes(&db).await?;
        data::seed(&mut db, &CredentialKeys::new(&ground.keyring.peppers())).await?;
        drop(db);
        supervisor.stop().await?;
        eprintln!("seeded in {:.0} s", started.elapsed().as_secs_f64());
        data::known(&load::file("known.txt"), &ground.callers)?;
        data::unknown(&load::file("unknown.txt"), &ground.callers)?;
        data::blocked(&load::file("blocked.txt"), &ground.callers)?;
        Ok(ground)
    }

    /// The private PostgreSQL of the data directory, as the program runs it.
    pub async fn postgres(&self) -> Result<private::Supervisor> {
        let options = private::Options {
            root: self.dir.join("postgres"),
            ..private::Options::default()
        };
        private::Supervisor::start(options).await
    }

    async fn add_nodes(&self, db: &Client) -> Result<()> {
        for print in self.keyring.fingerprints() {
            db.execute(
                "INSERT INTO key_fingerprints VALUES ($1, $2, $3, now())",
                &[
                    &print.purpose.as_str(),
                    &print.key_id,
                    &&print.fingerprint[..],
                ],
            )
            .await?;
        }
        for (fake, caller) in self.nodes.iter().zip(&self.callers) {
            let id = SystemClock.uuid();
            let row = id.to_string();
            let seal = |column, secret: &str| {
                let place = Place {
                    table: "nodes",
                    column,
                    row: &row,
                };
                self.keyring.seal(&place, secret)
            };
            let hash = Sha256::digest(caller.secret.as_bytes()).to_vec();
            let (hook, stats) = (
                seal("hook_secret_sealed", &caller.secret)?,
                seal("stats_secret_sealed", &fake.secret())?,
            );
            db.execute(
                "WITH node AS (
                     INSERT INTO nodes (id, name, address, hook_secret_hash, hook_secret_sealed, stats_url, stats_secret_sealed, created_at, updated_at)
                     VALUES ($1::text::uuid, $2, '127.0.0.1:443', $3, $4, $5, $6, now(), now()) RETURNING number
                 ), reading AS (INSERT INTO node_readings (node_no) SELECT number FROM node)
                 INSERT INTO group_nodes SELECT g.number, n.number FROM node n, groups g WHERE g.name = 'default'",
                &[&row, &caller.name, &hash, &hook, &fake.url(), &stats],
            )
            .await?;
        }
        Ok(())
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // what is left is in /tmp
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// A plain connection to the ground's database.
pub async fn connect(url: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("database")?;
    tokio::spawn(connection);
    Ok(client)
}

/// The program that was built beside this one.
pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_hywarden"))
}
