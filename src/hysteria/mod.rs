//! The peer's language: what a Hysteria2 server asks, what it answers, what its configuration and its clients' look
//! like. A leaf: knows no other room of the house, so that an agent on a node can carry it along.
//!
//! `hook` is what the server sends when a client logs in, `stats` speaks with its traffic-stats API, `endpoint` says
//! how clients reach it, `uri` and `client_config` tell a client, `server_config` tells the server.
pub mod client_config;
pub mod endpoint;
pub mod hook;
pub mod server_config;
pub mod stats;
pub mod uri;

pub use endpoint::{Address, Endpoint, Obfs, ObfsKind};
