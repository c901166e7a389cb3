//! Logins through the real program. The numbers are those of the security checks.
mod allowances;
mod browser;
mod changes;
mod doors;
mod factors;
mod heirs;
mod limits;
mod locks;
mod mail;
mod notices;
mod refusals;
mod sessions;
mod soak;
mod tokens;
mod uses;

use crate::support::{clock::TurnedClock, database::database, house::House};
use std::sync::Arc;

/// A house whose time stands until it is turned.
async fn standing(settings: &[(&str, &str)]) -> (House, Arc<TurnedClock>) {
    let clock = Arc::new(TurnedClock::at("2030-01-01T00:00:00Z".parse().unwrap()));
    let house = House::on(database().await, clock.clone(), settings).await;
    (house, clock)
}
