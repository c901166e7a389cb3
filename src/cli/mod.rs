//! The command line: one root, one room or file a verb. `serve`, `migrate` and `config` work on the machine itself;
//! every other verb is a client of the API like any other, and knows neither services nor the database.
mod admin;
mod asking;
mod audit;
mod body;
mod client;
mod completions;
mod config;
mod console;
mod devices;
mod doctor;
mod events;
mod failure;
mod groups;
mod invites;
mod manual;
mod migrate;
mod nodes;
mod output;
mod path;
mod place;
mod plans;
mod quarantine;
mod serve;
mod settings;
mod setup_token;
mod stats;
mod target;
mod tokens;
mod users;
mod values;
mod webhooks;

pub use place::Place;

use crate::openapi;
use asking::Asking;
use clap::{CommandFactory, Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Decides who may connect to a fleet of Hysteria2 servers, counts every byte once, cuts off at once.
#[derive(Debug, Parser)]
#[command(name = "hywarden", version, propagate_version = true, after_help = failure::HELP)]
pub struct Root {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Serve(serve::Serve),
    /// Bring the tables up to date, take them back, look at them
    #[command(subcommand)]
    Migrate(migrate::Migrate),
    /// Check or print the settings in force
    #[command(subcommand)]
    Config(config::Config),
    #[command(flatten)]
    Asking(Box<Asking>),
    SetupToken(setup_token::SetupToken),
    /// Look at everything the program needs on this machine; exit code 1 when something fails
    Doctor(doctor::Doctor),
    /// Print what a shell needs to finish a word
    Completions(completions::Completions),
    /// Print the API's document (OpenAPI 3.1)
    Openapi,
    /// Print docs/cli.md
    #[command(hide = true)]
    Manual,
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let root = Root::parse();
    match root.verb {
        Verb::Serve(verb) => said(verb.run(root.place)),
        Verb::Migrate(verb) => said(verb.run(&root.place)),
        Verb::Config(verb) => said(verb.run(&root.place)),
        Verb::SetupToken(_) => said(setup_token::SetupToken::run(&root.place)),
        Verb::Asking(asking) => asked(*asking, &root.place),
        Verb::Doctor(doctor) => on_runtime(doctor.run(&root.place)),
        Verb::Completions(completions) => {
            completions.print(Root::command());
            ExitCode::SUCCESS
        }
        Verb::Openapi => said(
            openapi::json()
                .map_err(Into::into)
                .map(|text| print!("{text}")),
        ),
        Verb::Manual => {
            print!("{}", manual::manual());
            ExitCode::SUCCESS
        }
    }
}

/// Asks the running program.
fn asked(asking: Asking, place: &Place) -> ExitCode {
    on_runtime(asking.run(|| {
        let settings = place
            .settings()
            .map_err(|why| Failure::usage(format!("{why:#}")))?;
        Ok(settings.api_socket())
    }))
}

fn on_runtime(done: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(done),
        Err(why) => said(Err(why.into())),
    }
}

/// The main runtime: connections are driven by it, never by an HTTP worker.
fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    // two TLS providers may be linked; this names ours, and a second call changes nothing
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?)
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
