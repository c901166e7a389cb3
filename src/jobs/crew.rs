//! All tasks of the process: they start together, stop together, and none dies silently.
use std::{future::Future, time::Duration};
use tokio::{task::JoinSet, time::timeout};
use tokio_util::sync::CancellationToken;

/// How long tasks may take to finish once stopped (security.md 6: drain ≤ 10 s).
const PATIENCE: Duration = Duration::from_secs(10);

/// The running tasks and the token that stops them.
pub struct Crew {
    tasks: JoinSet<&'static str>,
    stop: CancellationToken,
}

impl Crew {
    /// Nobody yet; `stop` ends them all.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            tasks: JoinSet::new(),
            stop,
        }
    }

    /// The token that a task listens to.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task, which ends only when told to.
    pub fn start(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(async move {
            task.await;
            name
        });
    }

    /// Returns when the process is to end: told so, or because a task died that should not have.
    pub async fn watch(&mut self) -> Result<(), String> {
        tokio::select! {
            () = self.stop.cancelled() => Ok(()),
            Some(ended) = self.tasks.join_next() => {
                if self.stop.is_cancelled() {
                    return Ok(());
                }
                Err(ended.map_or_else(|e| e.to_string(), |name| format!("the task `{name}` ended by itself")))
            }
        }
    }

    /// Stops everybody and waits; those that take too long are aborted.
    pub async fn dismiss(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(PATIENCE, all).await.is_err() {
            tracing::warn!("tasks were cut off");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_by_itself_is_noticed_and_names_itself() {
        let mut crew = Crew::new(CancellationToken::new());
        let stop = crew.stop();
        crew.start("steady", async move { stop.cancelled().await });
        crew.start("short", async {});
        assert!(crew.watch().await.is_err_and(|e| e.contains("`short`")));
        crew.dismiss().await;
    }

    #[tokio::test]
    async fn told_to_stop_is_no_error() {
        let stop = CancellationToken::new();
        let mut crew = Crew::new(stop.clone());
        let token = crew.stop();
        crew.start("steady", async move { token.cancelled().await });
        stop.cancel();
        assert_eq!(crew.watch().await, Ok(()));
        crew.dismiss().await;
    }
}
