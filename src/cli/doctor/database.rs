//! PostgreSQL: which one serves, its version, whether the tables are up to date.
use super::finding::Finding;
use crate::{
    config::Settings,
    database::{Database, glance, pending, private},
};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use std::time::Duration;
use tokio::time::timeout;

const CHECK: &str = "postgresql";
/// The oldest that our SQL runs on.
const OLDEST: i32 = 15;
/// A private one may have to recover from a crash first.
const PATIENCE: Duration = Duration::from_mins(1);

/// Looks at the database, and brings its time along.
pub async fn look(settings: &Settings) -> (Vec<Finding>, Option<DateTime<Utc>>) {
    let looked = match &settings.database.url {
        Some(url) => timeout(PATIENCE, see(url.expose_secret(), "of database.url")).await,
        None => match private::version_for(&private::Options::of(settings)) {
            // A look must not make a cluster.
            Ok(version) if !settings.data_dir.join("postgres").exists() => {
                let detail =
                    format!("version {version} is installed; the first start makes a private one");
                return (vec![Finding::pass(CHECK, detail)], None);
            }
            Ok(_) => timeout(PATIENCE, visit(settings)).await,
            Err(why) => Ok(Err(why)),
        },
    };
    match looked {
        Ok(Ok((found, now))) => (found, Some(now)),
        Ok(Err(why)) => (vec![Finding::fail(CHECK, format!("{why:#}"))], None),
        Err(_) => (vec![Finding::fail(CHECK, "no answer within 60 s")], None),
    }
}

/// Looks at the private one: the running program's, or one that is started for this look and ends with it.
async fn visit(settings: &Settings) -> anyhow::Result<(Vec<Finding>, DateTime<Utc>)> {
    let database = Database::visit(settings).await?;
    let seen = see(database.url(), "private").await;
    database.close().await?;
    seen
}

async fn see(url: &str, kind: &str) -> anyhow::Result<(Vec<Finding>, DateTime<Utc>)> {
    let seen = glance(url).await?;
    let pending = pending(url).await?;
    let (major, minor) = (seen.version / 10_000, seen.version % 10_000);
    let mut found = vec![if major < OLDEST {
        Finding::fail(
            CHECK,
            format!("{kind}, version {major}: {OLDEST} is the oldest that is used"),
        )
    } else {
        Finding::pass(CHECK, format!("{kind}, version {major}.{minor}"))
    }];
    found.push(match pending {
        pending if pending.is_empty() => Finding::pass("tables", "up to date"),
        pending => Finding::warn(
            "tables",
            format!(
                "{} migrations wait: the next start, or `hywarden migrate up`, runs them",
                pending.len()
            ),
        ),
    });
    Ok((found, seen.now))
}
