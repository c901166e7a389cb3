//! This instance, looked at: memory, pools, who is online.
use crate::{
    admission::{Directory, concurrency::Online},
    clock::Clock,
    models::NodeNo,
    repositories::Db,
    services::{directory::DirectoryKeeper, leases::Leases},
};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// The service.
#[derive(Clone)]
pub struct System {
    pub clock: Arc<dyn Clock>,
    pub started_at: DateTime<Utc>,
    pub db: Db,
    pub jobs_db: Db,
    pub leases: Arc<Leases>,
    pub directory: Arc<Directory>,
    pub keeper: Arc<DirectoryKeeper>,
}

/// A pool's connections.
#[derive(Clone, Debug)]
pub struct Pool {
    pub name: &'static str,
    pub size: usize,
    pub open: usize,
    pub idle: usize,
    pub waiting: usize,
}

/// This instance.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub started_at: DateTime<Utc>,
    pub uptime_seconds: i64,
    /// Resident bytes; none where the system does not tell.
    pub memory_bytes: Option<u64>,
    pub threads: Option<u64>,
    pub pools: Vec<Pool>,
    pub redis_up: Option<bool>,
    pub users: usize,
    pub devices: usize,
    pub directory_read_at: Option<DateTime<Utc>>,
    pub ready: bool,
}

impl System {
    /// How it stands.
    pub fn snapshot(&self) -> Snapshot {
        let (users, devices, _) = self.directory.len();
        let pools = [("api", &self.db), ("jobs", &self.jobs_db)].map(|(name, pool)| {
            let now = pool.status();
            Pool {
                name,
                size: now.max_size,
                open: now.size,
                idle: now.available,
                waiting: now.waiting,
            }
        });
        Snapshot {
            started_at: self.started_at,
            uptime_seconds: (self.clock.now() - self.started_at).num_seconds(),
            memory_bytes: status("VmRSS:").map(|kib| kib * 1024),
            threads: status("Threads:"),
            pools: pools.to_vec(),
            redis_up: self.leases.redis_up(),
            users,
            devices,
            directory_read_at: self.keeper.read_at(),
            ready: self.keeper.is_ready(),
        }
    }

    /// Who is online, as far as this instance knows.
    pub fn online(&self) -> (Online, Vec<(String, usize)>) {
        let name = |number: NodeNo| Some(self.directory.node(number)?.name.to_string());
        let by_node = self.leases.devices_by_node().into_iter();
        let mut by_node: Vec<_> = by_node
            .filter_map(|(node, devices)| Some((name(node)?, devices)))
            .collect();
        by_node.sort();
        (self.leases.online(), by_node)
    }
}

/// A number of the kernel's about this process.
fn status(key: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}
