//! `migrate`: the tables, brought up to date, taken back, looked at. Starts the private PostgreSQL itself where nobody
//! else runs it.
use super::Place;
use crate::database::{self, Database};
use anyhow::{Result, bail};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Migrate {
    /// Bring the tables up to date
    Up,
    /// Take the newest migrations back, with all the data that they hold
    Down {
        /// How many
        #[arg(long, default_value_t = 1)]
        steps: usize,
        /// Yes, drop the data
        #[arg(long)]
        yes: bool,
    },
    /// List the migrations and which of them the database has
    Status,
}

impl Migrate {
    pub fn run(&self, place: &Place) -> Result<()> {
        if matches!(self, Self::Down { yes: false, .. }) {
            bail!("`migrate down` drops tables with their data: say --yes")
        }
        let settings = place.settings()?;
        super::runtime()?.block_on(async {
            let db = match self {
                Self::Status => Database::visit(&settings).await?,
                Self::Up | Self::Down { .. } => Database::open(&settings).await?,
            };
            let done = self.on(db.url()).await;
            db.close().await.and(done)
        })
    }

    async fn on(&self, url: &str) -> Result<()> {
        match self {
            Self::Up => say(&database::up(url).await?, "applied"),
            Self::Down { steps, .. } => say(&database::down(url, *steps).await?, "taken back"),
            Self::Status => {
                for step in database::status(url).await? {
                    println!(
                        "{} {}",
                        if step.applied { "applied" } else { "pending" },
                        step.name
                    );
                }
            }
        }
        Ok(())
    }
}

fn say(steps: &[String], done: &str) {
    for step in steps {
        println!("{done} {step}");
    }
    if steps.is_empty() {
        println!("nothing to do");
    }
}
