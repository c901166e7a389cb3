//! The program against real peers: the official Hysteria2 server libraries, the official client and sing-box, over
//! loopback, and the pages in a real browser. Every test starts its own program with its own data directory, and moves its own bytes.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with what it found"
)]

mod harness;

mod admitted;
mod enforced;
mod generated;
mod hostile;
mod pages;
mod refused;
mod survives;
