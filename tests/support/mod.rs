//! What tests share: servers of their own, clocks to turn.
pub mod clock;
pub mod database;
pub mod redis;
