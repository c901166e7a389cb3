//! What is left of a body that is refused. Dropped before the answer is sent, a body that comes in pieces would be waited for
//! to its end, however long its sender takes; held until then, its connection is closed with the answer.
use actix_web::{
    HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::Payload,
    web::Bytes,
};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// An answer's body, and what it was not asked to read.
struct Held<P> {
    body: BoxBody,
    _unread: P,
}

impl<P: Unpin> MessageBody for Held<P> {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}

/// What an extractor did not read to its end, left for the edge.
pub struct Unread(pub Payload);

/// The answer, with what is left of its request.
pub fn hold<P: Unpin + 'static>(answer: HttpResponse, unread: P) -> HttpResponse {
    answer.map_body(|_, body| {
        BoxBody::new(Held {
            body,
            _unread: unread,
        })
    })
}
