//! Loops only, each a few lines around a service: when it runs next, and what stops it. What it does is the service's.
pub mod audit;
mod crew;
pub mod expiry;
pub mod keys;
pub mod live;
pub mod logins;
pub mod mail;
pub mod opened;
pub mod outbox;
pub mod overdue;
pub mod partitions;
pub mod poller;
mod round;
pub mod sweeper;
pub mod switches;
pub mod webhooks;

pub use crew::Crew;
