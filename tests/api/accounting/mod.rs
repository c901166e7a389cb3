//! Exact accounting, against a real PostgreSQL and over real HTTP.
mod differential;
mod model;
mod random;
mod schedules;
mod world;
