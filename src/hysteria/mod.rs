//! The peer's language: what a Hysteria2 server asks, what it answers, what its configuration and its clients' look
//! like. A leaf: knows no other room of the house, so that an agent on a node can carry it along.
//!
//! `hook` is what the server sends when a client logs in, `stats` speaks with its traffic-stats API.
pub mod hook;
pub mod stats;
