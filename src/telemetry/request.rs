//! Which request is being answered: every line of the log that is written on its way carries its id.
use uuid::Uuid;

tokio::task_local! { static REQUEST: Uuid; }

/// The id of the request being answered: the header, the problem's body and the log's lines carry the same.
pub fn request_id() -> Option<Uuid> {
    REQUEST.try_with(|id| *id).ok()
}

/// Answers a request that has this id.
pub fn with_id<F: Future>(id: Uuid, answer: F) -> impl Future<Output = F::Output> {
    REQUEST.scope(id, answer)
}
