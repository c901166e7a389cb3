//! How long something took of the time that the machine gave: a promise of a second can be asked for on a busy one, too.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

const TICK: Duration = Duration::from_millis(10);
/// By how much a tick may be late on a machine that does nothing else.
const USUAL: Duration = Duration::from_millis(3);

pub struct Stopwatch {
    since: Instant,
    late: Arc<AtomicU64>,
    ticks: JoinHandle<()>,
}

impl Stopwatch {
    pub fn start() -> Self {
        let late = Arc::<AtomicU64>::default();
        let counted = late.clone();
        let ticks = tokio::spawn(async move {
            loop {
                let before = Instant::now();
                tokio::time::sleep(TICK).await;
                let beyond = before.elapsed().saturating_sub(TICK + USUAL);
                counted.fetch_add(micros(beyond), Ordering::Relaxed);
            }
        });
        Self {
            since: Instant::now(),
            late,
            ticks,
        }
    }

    /// The time since the start, less what the machine took.
    pub fn took(&self) -> Duration {
        let late = Duration::from_micros(self.late.load(Ordering::Relaxed));
        self.since.elapsed().saturating_sub(late)
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        self.ticks.abort();
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
