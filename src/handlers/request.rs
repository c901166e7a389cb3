//! What the edge knows of a request and leaves for those behind it: its id, who asks, how long it may take.
use std::time::Duration;
use uuid::Uuid;

/// How long one request may take in all, and how long its body may take to arrive (I4).
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    pub request: Duration,
    pub body: Duration,
}

/// Who asked, left by the extractor for the log line.
#[derive(Clone, Debug)]
pub struct AskedBy(pub String);

tokio::task_local! { static REQUEST: Uuid; }

/// The id of the request being answered: the header, the problem's body and the log line carry the same.
pub fn request_id() -> Option<Uuid> {
    REQUEST.try_with(|id| *id).ok()
}

/// Answers a request that has this id.
pub fn with_id<F: Future>(id: Uuid, answer: F) -> impl Future<Output = F::Output> {
    REQUEST.scope(id, answer)
}
