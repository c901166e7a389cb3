//! What tests share: servers of their own, clocks to turn.
pub mod api;
pub mod clock;
pub mod database;
pub mod house;
pub mod program;
pub mod redis;
mod until;
mod written;

pub use until::until;
pub use written::written;
