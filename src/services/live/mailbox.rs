//! What waits for one client. A client that does not keep up loses old gauges first, then its connection.
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Frames at most, and bytes of them.
const FRAMES: usize = 256;
const BYTES: usize = 1 << 20;

/// Why a client's connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It did not keep up.
    Slow,
    /// What it was let in by is no more, or is not what it was.
    Unauthorised,
    /// This instance stops.
    Restart,
}

#[derive(Debug)]
struct Item {
    text: Arc<str>,
    /// A later one of the same topic makes it worthless.
    gauge: Option<Arc<str>>,
}

#[derive(Debug, Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    end: Option<End>,
}

/// The box.
#[derive(Debug, Default)]
pub struct Mailbox {
    queue: Mutex<Queue>,
    bell: Notify,
    over: CancellationToken,
}

/// What comes next.
#[derive(Clone, Debug)]
pub enum Next {
    Text(Arc<str>),
    End(End),
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a frame in. `false`: that was too much.
    pub fn push(&self, text: Arc<str>, gauge: Option<Arc<str>>) -> bool {
        let mut queue = self.lock();
        if queue.end.is_some() {
            return true;
        }
        if let Some(topic) = &gauge {
            let same = |item: &Item| item.gauge.as_ref() == Some(topic);
            if let Some(at) = queue.items.iter().position(same) {
                queue.take(at);
            }
        }
        queue.bytes += text.len();
        queue.items.push_back(Item { text, gauge });
        while queue.is_full() {
            let Some(at) = queue.items.iter().position(|item| item.gauge.is_some()) else {
                break;
            };
            queue.take(at);
        }
        let fits = !queue.is_full();
        drop(queue);
        if fits {
            self.bell.notify_one();
        } else {
            self.end(End::Slow);
        }
        fits
    }

    /// Whether anything waits.
    pub fn waits(&self) -> bool {
        !self.lock().items.is_empty()
    }

    /// Puts all of these in, or none if they are too much. Nobody else may put anything in meanwhile.
    pub fn push_all(&self, texts: impl Iterator<Item = Arc<str>>) -> bool {
        let (mut frames, mut bytes) = {
            let queue = self.lock();
            (queue.items.len(), queue.bytes)
        };
        let mut fitting = Vec::new();
        for text in texts {
            frames += 1;
            bytes += text.len();
            if frames > FRAMES || bytes > BYTES {
                return false;
            }
            fitting.push(text);
        }
        fitting.into_iter().all(|text| self.push(text, None))
    }

    /// Nothing more comes after this.
    pub fn end(&self, end: End) {
        self.lock().end(end);
        self.over.cancel();
        self.bell.notify_one();
    }

    /// The next frame, once there is one; an end overtakes what waits.
    pub async fn next(&self) -> Next {
        loop {
            let rung = self.bell.notified();
            {
                let mut queue = self.lock();
                if let Some(end) = queue.end {
                    return Next::End(end);
                }
                if let Some(item) = queue.take(0) {
                    return Next::Text(item.text);
                }
            }
            rung.await;
        }
    }

    /// Returns when the end has come, for those who are busy with something else than the next frame.
    pub async fn ended(&self) -> End {
        self.over.cancelled().await;
        self.lock().end.unwrap_or(End::Slow)
    }
}

impl Queue {
    /// An end overtakes what waits, so nothing waits any more.
    fn end(&mut self, end: End) {
        self.end = self.end.or(Some(end));
        self.items.clear();
        self.bytes = 0;
    }
    fn is_full(&self) -> bool {
        self.items.len() > FRAMES || self.bytes > BYTES
    }
    fn take(&mut self, at: usize) -> Option<Item> {
        let item = self.items.remove(at)?;
        self.bytes = self.bytes.saturating_sub(item.text.len());
        Some(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gauges_give_way_and_a_slow_client_ends() {
        let mailbox = Mailbox::default();
        let topic: Arc<str> = "overview".into();
        for n in 0..1_000 {
            assert!(mailbox.push(n.to_string().into(), Some(topic.clone())));
        }
        assert!(
            matches!(mailbox.next().await, Next::Text(text) if &*text == "999"),
            "the newest alone"
        );
        for n in 0..FRAMES {
            assert!(mailbox.push(n.to_string().into(), None), "{n}");
        }
        assert!(!mailbox.push("one more".into(), None));
        assert!(matches!(mailbox.next().await, Next::End(End::Slow)));
        let mailbox = Mailbox::default();
        assert!(!mailbox.push("x".repeat(BYTES + 1).into(), None));
    }
}
