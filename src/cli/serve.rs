//! `serve`: the program itself.
use super::Place;
use crate::{app, telemetry::logs};
use anyhow::Result;
use clap::Args;

/// Run the program until SIGTERM or SIGINT
#[derive(Args, Debug)]
pub struct Serve {
    /// The API's address, and the auth hook's unless it has its own
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

impl Serve {
    pub fn run(self, mut place: Place) -> Result<()> {
        if let Some(listen) = self.listen {
            place.put("server.listen", listen);
        }
        let settings = place.settings()?;
        logs::install(&settings.log.level)?;
        super::runtime()?.block_on(app::run(settings))
    }
}
