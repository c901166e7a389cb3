//! Whoever reads an answer that comes in parts: the HTTP library asks for the next part when the last ones are on their way,
//! so a reader that takes nothing is one for whom nothing is asked.
use futures_util::{Stream, StreamExt, stream};
use std::time::Duration;
use tokio::{sync::watch, time::timeout};

/// Sees what becomes of the parts.
pub struct Reader {
    /// Whether a part was handed out and the next one not asked for.
    waits: watch::Receiver<bool>,
}

/// How a reader ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// It has all parts, or its connection is gone.
    Done,
    /// It took nothing for too long; its parts are still held for it.
    Stuck,
}

/// The same parts, and who sees what becomes of them.
pub fn seen<S: Stream + Unpin>(parts: S) -> (impl Stream<Item = S::Item>, Reader) {
    let (tell, waits) = watch::channel(false);
    let parts = stream::unfold((parts, tell), |(mut parts, tell)| async move {
        tell.send_replace(false);
        let part = parts.next().await?;
        tell.send_replace(true);
        Some((part, (parts, tell)))
    });
    (parts, Reader { waits })
}

impl Reader {
    /// Returns when it is done, or has taken nothing for so long.
    pub async fn left(mut self, patience: Duration) -> Left {
        loop {
            let is_late = *self.waits.borrow_and_update();
            let change = self.waits.changed();
            let change = if is_late {
                match timeout(patience, change).await {
                    Ok(change) => change,
                    Err(_) => return Left::Stuck,
                }
            } else {
                change.await
            };
            if change.is_err() {
                return Left::Done;
            }
        }
    }
}
