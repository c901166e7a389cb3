//! What loops have in common: when their next round is, and what is said of the last.
use crate::{
    error::Result,
    services::{accounting::Accounting, rounds::Rounds},
};
use std::time::Duration;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The beat of a loop. A round that takes longer puts off those behind it: none is made up for.
pub fn tick(every: Duration) -> Interval {
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

/// Notes how a job's round went; one that failed is counted and logged, and the next one may not.
pub fn note<T>(
    accounting: &Accounting,
    rounds: &Rounds,
    (job, every): (&'static str, Duration),
    done: &Result<T>,
) {
    rounds.note(job, every, done);
    if let Err(error) = done {
        accounting.job_failed(job, error);
    }
}
