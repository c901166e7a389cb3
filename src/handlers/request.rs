//! What the edge knows of a request and leaves for those behind it: who asks, how long it may take.
use std::time::Duration;

/// How long one request may take in all, and how long its body may take to arrive (I4).
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    pub request: Duration,
    pub body: Duration,
}

/// Who asked, left by the extractor for the log line.
#[derive(Clone, Debug)]
pub struct AskedBy(pub String);
