//! This process as one of the installation's instances: without Redis the only one, with it one of several.
use crate::{
    clock::Clock,
    error::Result,
    repositories::{Db, instances, settings},
};
use anyhow::bail;
use diesel_async::AsyncPgConnection;
use serde_json::json;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// How long a start waits for the one before it to end, and how long a lost registration may be refused.
const WAIT: Duration = Duration::from_secs(15);
/// How often the registration is looked after.
const EVERY: Duration = Duration::from_secs(1);
/// How long the database may take to say that the session lives.
const ANSWER: Duration = Duration::from_secs(3);

/// A place among the instances, for as long as this lives.
pub struct Registration {
    admits: Arc<AtomicBool>,
    _keeper: JoinSet<()>,
}

impl Registration {
    /// Registers; `shared`: leases are in Redis, so that there may be others. Waits up to 15 s for one that is just ending.
    pub async fn register(url: &str, shared: bool) -> anyhow::Result<Self> {
        let mut session = instances::open_session(url).await?;
        let started = Instant::now();
        while !instances::try_lock(&mut session, shared).await? {
            if started.elapsed() >= WAIT {
                bail!(
                    "another instance works on this database: stop it, or give all instances the same redis.url"
                );
            }
            sleep(Duration::from_millis(100)).await;
        }
        let admits = Arc::new(AtomicBool::new(true));
        let mut keeper = JoinSet::new();
        keeper.spawn(keep(url.to_owned(), shared, session, Arc::clone(&admits)));
        Ok(Self {
            admits,
            _keeper: keeper,
        })
    }

    /// Whether this instance may admit anybody: false once somebody else has had its place for 15 s.
    pub fn admits(&self) -> bool {
        self.admits.load(Ordering::Acquire)
    }
}

/// Watches over the session and takes the place again when it was lost.
///
/// While the database itself is away nobody else can register either, so admitting goes on.
async fn keep(url: String, shared: bool, session: AsyncPgConnection, admits: Arc<AtomicBool>) {
    let mut session = Some(session);
    let mut refused_since: Option<Instant> = None;
    loop {
        sleep(EVERY).await;
        if let Some(conn) = &mut session
            && timeout(ANSWER, instances::is_alive(conn)).await == Ok(true)
        {
            continue;
        }
        session = None;
        match timeout(ANSWER, again(&url, shared)).await {
            Ok(Ok(Some(conn))) => {
                session = Some(conn);
                refused_since = None;
                if !admits.swap(true, Ordering::AcqRel) {
                    tracing::info!("this instance has its place again");
                }
            }
            Ok(Ok(None)) => {
                let since = *refused_since.get_or_insert_with(Instant::now);
                if since.elapsed() >= WAIT && admits.swap(false, Ordering::AcqRel) {
                    tracing::error!(
                        "another instance works on this database: nobody is admitted here"
                    );
                }
            }
            Ok(Err(err)) => {
                tracing::debug!(error = %err, "the instance's session cannot be opened");
            }
            Err(_) => tracing::debug!("the instance's session cannot be opened in time"),
        }
    }
}

async fn again(url: &str, shared: bool) -> anyhow::Result<Option<AsyncPgConnection>> {
    let mut conn = instances::open_session(url).await?;
    let taken = instances::try_lock(&mut conn, shared).await?;
    Ok(taken.then_some(conn))
}

/// The id of the installation's leases, made at its first start.
pub async fn lease_space(db: &Db, clock: &dyn Clock) -> Result<String> {
    let mut conn = db.get().await?;
    let fresh = json!(clock.uuid().simple().to_string());
    let stands = settings::find_or_insert(&mut conn, "lease_space", &fresh, clock.now()).await?;
    Ok(stands.as_str().unwrap_or_default().to_owned())
}
