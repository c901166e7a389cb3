//! The command line: one root, one file a verb. `serve`, `migrate` and `config` work on the machine itself; every other
//! verb is a client of the API.
mod config;
mod place;

pub use place::Place;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Decides who may connect to a fleet of Hysteria2 servers, counts every byte once, cuts off at once.
#[derive(Debug, Parser)]
#[command(name = "hywarden", version, propagate_version = true)]
pub struct Root {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Check or print the settings in force
    #[command(subcommand)]
    Config(config::Config),
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let root = Root::parse();
    match root.verb {
        Verb::Config(verb) => said(verb.run(&root.place)),
    }
}

/// What went wrong goes to stderr as one text; the exit code is 1.
fn said(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("hywarden: {why:#}");
            ExitCode::FAILURE
        }
    }
}
