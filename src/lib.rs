//! Hywarden: decides who may connect to a fleet of Hysteria2 servers, counts every byte once, cuts off at once.
pub mod admission;
pub mod app;
pub mod cache;
pub mod cli;
pub mod clock;
pub mod config;
pub mod database;
pub mod error;
pub mod hysteria;
pub mod jobs;
pub mod keyring;
pub mod models;
pub mod repositories;
pub mod schema;
pub mod services;
pub mod telemetry;
pub mod tls;
