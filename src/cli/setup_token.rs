//! `hywarden setup-token`: the link to the first superadmin, also where the program does not run.
use super::Place;
use anyhow::{Result, bail};
use clap::Args;

/// Print a new link that makes the first superadmin; the one before it is void
#[derive(Args, Debug)]
pub struct SetupToken {}

impl SetupToken {
    pub fn run(place: &Place) -> Result<()> {
        let settings = place.settings()?;
        let link = super::runtime()?.block_on(crate::app::setup_link(&settings))?;
        match link {
            Some(link) => println!("{link}"),
            None => bail!(
                "there is a superadmin already: `hywarden user reset-password NAME` prints a link to a new password"
            ),
        }
        Ok(())
    }
}
