//! Exact accounting, against a real PostgreSQL and over real HTTP.
mod counting;
mod differential;
mod kills;
pub mod model;
mod random;
mod schedules;
mod windows;
mod world;
