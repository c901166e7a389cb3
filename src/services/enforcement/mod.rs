//! Cutting off who may not go on: refuse first (the directory), then kick until gone.
//!
//! Kicking is by level: every `/online` answer is compared with the directory, whatever event made it so. An
//! event-driven kick misses the login that slipped in on another instance, and Hysteria never asks again.
mod expiry;
mod hurry;
mod kick;

pub use expiry::ExpiryTimer;
pub use hurry::Hurry;
pub use kick::{KickList, to_kick};
