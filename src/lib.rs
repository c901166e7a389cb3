//! Hywarden: decides who may connect to a fleet of Hysteria2 servers, counts every byte once, cuts off at once.
//!
//! Secrets have types that cannot be compared by `==`, whose time depends on where two values differ (S11):
//!
//! ```compile_fail,E0369
//! use secrecy::SecretString;
//! let (known, given) = (SecretString::from("a"), SecretString::from("b"));
//! assert!(known == given);
//! ```
pub mod admission;
pub mod app;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod error;
pub mod handlers;
pub mod hysteria;
pub mod jobs;
pub mod keyring;
pub mod models;
pub mod openapi;
pub mod repositories;
pub mod router;
pub mod schema;
pub mod services;
pub mod telemetry;
pub mod tls;
