//! One binary for everything that is tested through the program's own doors.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on ends with what it found"
)]
#![expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "tests count in small numbers, and speak with servers of their own"
)]
#![expect(
    clippy::items_after_statements,
    clippy::many_single_char_names,
    clippy::similar_names,
    clippy::too_many_lines,
    reason = "a test is a story: read from top to bottom"
)]
#[path = "../support/mod.rs"]
mod support;

mod accounting;
mod architecture;
mod checks;
mod cli;
mod contract;
mod database;
mod directory;
mod fuzz;
mod hook;
mod hostile;
mod keys;
mod leases;
mod licences;
mod matrix;

mod rest;
mod serve;
mod telemetry;
