//! The jobs that count: readers of nodes, the writer of admissions, sweeps.
use super::Parts;
use crate::{
    config::Settings,
    hysteria::stats::Dialer,
    jobs::{Crew, opened, overdue, partitions, poller::Poller, sweeper},
    models::InstanceId,
    services::accounting::{Context, Journal, Leasing, OpenedConnection, OpenedWriter, Sources},
};
use anyhow::Result;
use tokio::sync::mpsc;

/// Starts them all.
pub(super) async fn start(
    settings: &Settings,
    parts: &Parts,
    queue: mpsc::Receiver<OpenedConnection>,
    crew: &mut Crew,
) -> Result<()> {
    let (db, hook) = (&parts.jobs_db, &settings.hook);
    let accounting = &parts.services.accounting;
    let rounds = &parts.services.rounds;
    let journal = Journal::open(&settings.data_dir).await?;
    let writer = OpenedWriter::new(db.clone(), queue, journal, hook.batch_rows, hook.batch_wait);
    crew.start("opened", opened::run(writer, crew.stop()));
    // Before the doors open: a row on its way into the DEFAULT partition fails when its month is made meanwhile.
    if let Err(error) = accounting.make_months().await {
        accounting.job_failed("partitions", &error);
    }
    let poller = Poller {
        context: Context {
            accounting: accounting.clone(),
            directory: parts.directory.clone(),
            keeper: parts.services.directory.clone(),
            leases: parts.leases.clone(),
        },
        leasing: Leasing::new(
            db.clone(),
            InstanceId(parts.clock.uuid()),
            settings.redis.url.is_none(),
        ),
        sources: Sources::new(
            db.clone(),
            parts.keyring.clone(),
            Dialer::new(&settings.nodes.allowed_cidrs)?,
        ),
        hurry: parts.hurry.clone(),
        rounds: rounds.clone(),
    };
    crew.start("poller", poller.run(crew.stop()));
    let sweep = settings.accounting.sweep_interval;
    crew.start(
        "sweeper",
        sweeper::run(accounting.clone(), sweep, rounds.clone(), crew.stop()),
    );
    crew.start(
        "overdue",
        overdue::run(
            parts.services.overdue.clone(),
            accounting.clone(),
            rounds.clone(),
            crew.stop(),
        ),
    );
    crew.start(
        "partitions",
        partitions::run(accounting.clone(), rounds.clone(), crew.stop()),
    );
    Ok(())
}
