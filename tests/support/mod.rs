//! What tests share: servers of their own, clocks to turn.
pub mod api;
pub mod clock;
pub mod database;
pub mod deaf;
pub mod house;
pub mod people;
pub mod program;
pub mod receiver;
pub mod redis;
pub mod socket;
mod stopwatch;
pub mod stream;
mod until;
mod written;

pub use stopwatch::Stopwatch;
pub use until::until;
pub use written::written;
