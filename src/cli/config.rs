//! `config`: what is set, and whether it can be.
use super::Place;
use crate::config::Settings;
use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read all settings and say what is wrong with them
    Check,
    /// Print the settings in force, without secrets
    Print,
}

impl Config {
    pub fn run(&self, place: &Place) -> Result<()> {
        match self {
            Self::Check => {
                place.settings()?;
                println!("ok");
            }
            Self::Print => print!("{}", Settings::print(&place.sources())?),
        }
        Ok(())
    }
}
