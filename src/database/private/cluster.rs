//! The cluster on the disk: its folder, how it is made, who may connect to it.
use super::{
    Options,
    account::Account,
    folder::{give, own_dir, put, reachable, socket_dir, sync_dir},
    process::{command, die_with_us},
    programs::{choose, installed, written_by},
};
use anyhow::{Context, Result, bail};
use std::{
    fmt::Write,
    fs::{self, Permissions},
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Child,
};

/// The role that owns everything.
pub const ROLE: &str = "hywarden";

/// Written once; an operator may change it later with ALTER SYSTEM.
const TUNED: &str = "\
max_connections = 60
shared_buffers = '64MB'
wal_level = minimal
max_wal_senders = 0
max_wal_size = '256MB'
min_wal_size = '32MB'
autovacuum_max_workers = 1
max_parallel_workers = 0
max_worker_processes = 2
max_logical_replication_workers = 0
jit = off
recovery_init_sync_method = syncfs
synchronous_commit = on
logging_collector = off
log_line_prefix = '%m [%p] '
";

/// A cluster and, once started, its postmaster.
#[derive(Debug)]
pub struct Cluster {
    pub bin: PathBuf,
    pub root: PathBuf,
    pub data: PathBuf,
    pub socket: PathBuf,
    pub account: Account,
    pub tuning: Vec<(&'static str, String)>,
    pub child: Option<Child>,
}

impl Cluster {
    /// Finds everything that is needed and changes nothing but folders of its own.
    pub fn find(options: &Options) -> Result<Self> {
        let account = Account::choose(options.run_as.as_deref())?;
        let root = std::path::absolute(&options.root)?;
        if let Some(there) = root.ancestors().skip(1).find(|dir| dir.exists()) {
            reachable(there, &account)?;
        }
        if !root.try_exists()? {
            fs::create_dir_all(&root).with_context(|| format!("cannot make {}", root.display()))?;
            fs::set_permissions(&root, Permissions::from_mode(0o711))?;
        }
        let root = root.canonicalize()?;
        reachable(&root, &account)?;
        let (data, socket) = (root.join("data"), socket_dir(&root, &account)?);
        let have = installed(options.programs.as_deref(), &account);
        Ok(Self {
            bin: choose(&data, &socket, have)?.bin,
            root,
            data,
            socket,
            account,
            tuning: options.tuning.clone(),
            child: None,
        })
    }

    /// Makes the cluster in `data.new` and moves it into place when it is whole and on the disk. So `data` is absent or
    /// complete, and nothing that has a PG_VERSION is ever removed.
    pub fn make(&self) -> Result<()> {
        if written_by(&self.data)?.is_some() {
            return Ok(());
        }
        match fs::remove_dir(&self.data) {
            Err(e) if e.kind() != ErrorKind::NotFound => bail!(
                "{} is neither empty nor a PostgreSQL cluster ({e}): move it away",
                self.data.display()
            ),
            _ => {}
        }
        let new = self.root.join("data.new");
        self.clear_unfinished(&new)?;
        own_dir(&new, &self.account)?;
        let mut initdb = command(&self.bin.join("initdb"), &self.account);
        initdb.arg("-D").arg(&new).args([
            "-U",
            ROLE,
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--auth-local=peer",
            "--auth-host=reject",
        ]);
        // orphaned, it would go on beside its successor's
        die_with_us(&mut initdb, libc::SIGKILL);
        let out = initdb.output().context("cannot run initdb")?;
        if !out.status.success() {
            bail!(
                "initdb: {}{}",
                String::from_utf8_lossy(&out.stdout),
                String::from_utf8_lossy(&out.stderr)
            )
        }
        let auto = new.join("postgresql.auto.conf");
        let text = fs::read_to_string(&auto)? + TUNED;
        put(&auto, &self.account, &text)?;
        sync_dir(&new)?;
        fs::rename(&new, &self.data)?;
        sync_dir(&self.root)
    }

    /// Who may connect is written at every start: the service's account may have changed.
    pub fn admit(&self) -> Result<()> {
        put(
            &self.root.join("pg_hba.conf"),
            &self.account,
            &format!("local all {ROLE} peer map={ROLE}\n"),
        )?;
        put(
            &self.root.join("pg_ident.conf"),
            &self.account,
            &format!(
                "{ROLE} \"{}\" {ROLE}\n{ROLE} \"{}\" {ROLE}\n",
                Account::own_name()?,
                self.account.name
            ),
        )?;
        give(&self.socket, &self.account)
    }

    /// Where connections go.
    pub fn url(&self) -> String {
        url(&self.socket)
    }
}

/// A URL whose host is the socket's folder.
pub fn url(socket: &Path) -> String {
    let mut host = String::new();
    for byte in socket.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() {
            host.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(host, "%{byte:02X}");
        }
    }
    format!("postgres://{ROLE}@{host}/postgres")
}
