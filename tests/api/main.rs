//! One binary for everything that is tested through the program's own doors.
#[path = "../support/mod.rs"]
mod support;

mod accounting;
mod architecture;
mod cli;
mod database;
mod directory;
mod hook;
mod keys;
mod leases;
mod licences;
mod openapi;
mod rest;
mod serve;
mod telemetry;
