//! When a node is read next: as soon as somebody could cross a quota, but never so often that reading is its main work.
use super::Level;
use std::time::Duration;

/// A read may take at most this part of a node's time.
const SHARE: u32 = 20;

/// How often a node may be read.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub min: Duration,
    pub max: Duration,
}

/// The time until the next read: a quarter of what the fastest user needs for the rest of its quota, within the bounds,
/// and never below 20 times what a read costs. `over` is the time in which `levels` moved.
pub fn next(levels: &[Level], over: Duration, cost: Duration, bounds: Bounds) -> Duration {
    let soonest = levels
        .iter()
        .filter_map(|level| {
            let remaining = level.quota?.saturating_sub(level.used);
            if remaining <= 0 || level.moved <= 0 {
                return None;
            }
            // remaining ÷ (moved ÷ over) ÷ 4
            let quarter = over.as_secs_f64() * to_f64(remaining) / to_f64(level.moved) / 4.0;
            Duration::try_from_secs_f64(quarter).ok()
        })
        .min()
        .unwrap_or(bounds.max);
    soonest
        .clamp(bounds.min, bounds.max)
        .max(cost.saturating_mul(SHARE))
}

/// Doubles from a second to a minute with every failure, and a random part off, so that nodes of a broken network do not
/// come back in step.
pub fn backoff(failures: u32, random: u8) -> Duration {
    let full = Duration::from_secs(1).saturating_mul(1 << failures.saturating_sub(1).min(6));
    let full = full.min(Duration::from_mins(1));
    full.saturating_sub(full.mul_f64(f64::from(random) / 1024.0))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "an estimate of a time"
)]
fn to_f64(bytes: i64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::UserNo;

    const BOUNDS: Bounds = Bounds {
        min: Duration::from_secs(1),
        max: Duration::from_secs(10),
    };
    fn level(used: i64, quota: Option<i64>, moved: i64) -> Level {
        Level {
            user: UserNo(1),
            used,
            quota,
            moved,
        }
    }
    fn read(levels: &[Level], cost_ms: u64) -> u128 {
        let (over, cost) = (Duration::from_secs(2), Duration::from_millis(cost_ms));
        next(levels, over, cost, BOUNDS).as_millis()
    }

    #[test]
    fn a_quarter_of_what_is_left_for_the_fastest() {
        assert_eq!(read(&[], 0), 10_000);
        // 2,000 bytes left at 100 a second: 20 s, a quarter is 5
        assert_eq!(read(&[level(1000, Some(3000), 200)], 0), 5_000);
        let two = [level(1000, Some(3000), 200), level(0, Some(1200), 200)];
        assert_eq!(read(&two, 0), 3_000);
        assert_eq!(read(&[level(2990, Some(3000), 200)], 0), 1_000);
    }

    #[test]
    fn who_does_not_move_or_has_no_quota_asks_for_nothing() {
        let idle = [
            level(2999, Some(3000), 0),
            level(9, None, 9),
            level(5, Some(5), 5),
        ];
        assert_eq!(read(&idle, 0), 10_000);
    }

    #[test]
    fn a_dear_read_is_rare() {
        assert_eq!(read(&[level(2990, Some(3000), 200)], 300), 6_000);
        assert_eq!(read(&[], 1000), 20_000);
    }

    #[test]
    fn failures_are_waited_for_from_a_second_to_a_minute() {
        let seconds = |failures| backoff(failures, 0).as_secs();
        assert_eq!([1, 2, 3, 6, 7, 40].map(seconds), [1, 2, 4, 32, 60, 60]);
        assert!(backoff(7, 255) > Duration::from_secs(45));
    }
}
