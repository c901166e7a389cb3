//! The thread that runs the cluster. The kernel ends a child when the *thread* that started it ends, so everything is
//! started here, and this thread lives as long as the cluster.
use super::{Options, cluster::Cluster, process::pause};
use anyhow::{Context, Result};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::Duration,
};
use tokio::sync::oneshot;

/// How often the child is looked at; connections fail at once when it ends, so this is the longer part of an outage.
const LOOK: Duration = Duration::from_millis(50);
/// Between two tries to bring it back.
const AGAIN: Duration = Duration::from_secs(1);

type Stopped = oneshot::Sender<Result<()>>;

/// A running private PostgreSQL. Dropped, it stops in the background; [`Supervisor::stop`] waits for it.
#[derive(Debug)]
pub struct Supervisor {
    url: String,
    stop: Sender<Stopped>,
    restarts: Arc<AtomicU64>,
}

impl Supervisor {
    /// Makes the cluster if there is none, recovers what was left, starts it.
    pub async fn start(options: Options) -> Result<Self> {
        let (stop, stopped) = channel();
        let (started, starting) = oneshot::channel();
        let restarts = Arc::new(AtomicU64::new(0));
        let count = restarts.clone();
        thread::Builder::new()
            .name("postgres".to_owned())
            .spawn(move || run(&options, started, &stopped, &count))?;
        let url = starting.await.context("the supervisor ended")??;
        Ok(Self {
            url,
            stop,
            restarts,
        })
    }

    /// Where connections go.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Starts after it ended by itself.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// The same number, as it rises.
    pub fn restart_counter(&self) -> Arc<AtomicU64> {
        self.restarts.clone()
    }

    /// A fast shutdown, waited for.
    pub async fn stop(self) -> Result<()> {
        let (done, stopped) = oneshot::channel();
        self.stop.send(done).context("the supervisor ended")?;
        stopped.await.context("the supervisor ended")?
    }
}

fn run(
    options: &Options,
    started: oneshot::Sender<Result<String>>,
    stop: &Receiver<Stopped>,
    restarts: &AtomicU64,
) {
    let mut cluster = match begin(options, &started) {
        Ok(cluster) => cluster,
        Err(why) => {
            // nobody waits any more if the start was given up
            let _ = started.send(Err(why));
            return;
        }
    };
    if started.send(Ok(cluster.url())).is_err() {
        let _ = cluster.stop();
        return;
    }
    let asked = loop {
        match stop.recv_timeout(LOOK) {
            Ok(done) => break Some(done),
            Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => keep(&mut cluster, restarts),
        }
    };
    let done = cluster.stop();
    match asked {
        Some(asked) => {
            let _ = asked.send(done);
        }
        None => {
            if let Err(why) = done {
                tracing::warn!(error = format!("{why:#}"), "the private PostgreSQL");
            }
        }
    }
}

fn begin(options: &Options, started: &oneshot::Sender<Result<String>>) -> Result<Cluster> {
    let mut cluster = Cluster::find(options)?;
    cluster.reap()?;
    cluster.make()?;
    cluster.start(&|| started.is_closed())?;
    Ok(cluster)
}

/// Brings a postmaster back that ended by itself.
fn keep(cluster: &mut Cluster, restarts: &AtomicU64) {
    let ended = match cluster.ended() {
        Ok(None) => return,
        Ok(Some(status)) => status.to_string(),
        Err(why) => format!("{why:#}"),
    };
    tracing::error!(
        ended,
        "the private PostgreSQL ended by itself, starting it again"
    );
    let again = cluster.reap().and_then(|()| cluster.start(&|| false));
    match again {
        Ok(()) => {
            restarts.fetch_add(1, Ordering::Relaxed);
            tracing::info!("the private PostgreSQL runs again");
        }
        Err(why) => {
            tracing::error!(error = format!("{why:#}"), "the private PostgreSQL");
            pause(AGAIN);
        }
    }
}
