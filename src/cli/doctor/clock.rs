//! Whether this machine knows the time: expiries, windows and leases go by it.
use super::finding::Finding;
use crate::clock::Clock;
use chrono::{DateTime, TimeDelta, Utc};

/// Looks at the clock, beside the database's when it was asked.
pub fn look(clock: &dyn Clock, database: Option<DateTime<Utc>>) -> Finding {
    const CHECK: &str = "clock";
    let now = clock.now();
    // No build of this program is older.
    if now.timestamp() < 1_790_000_000 {
        return Finding::fail(
            CHECK,
            format!("{now} is long past: set it, and keep it by NTP"),
        );
    }
    let Some(database) = database else {
        return Finding::pass(
            CHECK,
            now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        );
    };
    let apart = (now - database).abs();
    let detail = format!("{} ms apart from the database's", apart.num_milliseconds());
    if apart > TimeDelta::seconds(30) {
        Finding::fail(CHECK, detail)
    } else if apart > TimeDelta::seconds(2) {
        Finding::warn(CHECK, detail)
    } else {
        Finding::pass(CHECK, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Result, *};
    use crate::clock::SystemClock;

    #[test]
    fn distances_are_judged() {
        let at = |seconds| {
            look(
                &SystemClock,
                Some(SystemClock.now() + TimeDelta::seconds(seconds)),
            )
            .result
        };
        assert_eq!(at(0), Result::Pass);
        assert_eq!(at(5), Result::Warn);
        assert_eq!(at(-60), Result::Fail);
        assert_eq!(look(&SystemClock, None).result, Result::Pass);
    }
}
