//! One binary for everything that is tested through the program's own doors.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with what it found"
)]
#[path = "../support/mod.rs"]
mod support;

mod accounting;
mod architecture;
mod cli;
mod database;
mod directory;
mod hook;
mod keys;
mod leases;
mod licences;
mod openapi;
mod rest;
mod serve;
mod telemetry;
