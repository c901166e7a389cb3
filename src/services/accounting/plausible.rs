//! Whether a line can have carried what a counter says (design, 2B.10).
use super::observe::Counters;
use chrono::{DateTime, TimeDelta, Utc};

/// Bytes that a line of `rate` bytes a second carries in each direction between two instants, and a quarter more.
/// What was held is measured from its last merged counters on, so a false hold heals itself.
pub fn allowed(rate: i64, since: DateTime<Utc>, until: DateTime<Utc>) -> u64 {
    let micros = (until - since)
        .max(TimeDelta::zero())
        .num_microseconds()
        .unwrap_or(i64::MAX);
    let bytes = i128::from(rate.max(0)) * i128::from(micros) * 5 / 4 / 1_000_000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Whether counters can have grown from `merged` to `now` over `allowed` bytes a direction.
pub fn is_plausible(merged: Counters, now: Counters, allowed: u64) -> bool {
    now.tx.saturating_sub(merged.tx) <= allowed && now.rx.saturating_sub(merged.rx) <= allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gigabit_carries_156_megabytes_a_second_and_no_more() {
        let at = |ms: i64| DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap();
        let line = 125_000_000;
        assert_eq!(allowed(line, at(0), at(1000)), 156_250_000);
        assert_eq!(allowed(line, at(0), at(1)), 156_250);
        assert_eq!(allowed(line, at(1), at(0)), 0, "a clock that jumped");
        assert!(allowed(i64::MAX, at(0), at(86_400_000)) > 1 << 62);
        let (old, new) = (Counters { tx: 5, rx: 9 }, Counters { tx: 15, rx: 9 });
        assert!(is_plausible(old, new, 10));
        assert!(!is_plausible(old, new, 9));
        assert!(
            !is_plausible(Counters { tx: 15, rx: 0 }, new, 8),
            "each direction"
        );
    }
}
