//! Loops only, each a few lines around a service: when it runs next, and what stops it. What it does is the service's.
mod crew;
pub mod expiry;
pub mod opened;
pub mod outbox;
pub mod overdue;
pub mod partitions;
pub mod poller;
pub mod sweeper;

pub use crew::Crew;
