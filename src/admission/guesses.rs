//! The guess limit: unknown credentials from one client address, never from a node's.
//!
//! A bucket by GCRA: each guess pushes the address's theoretical arrival time on by the interval; it is over its limit
//! while that lies more than a burst ahead. Only a look-up that found nobody is a guess (design, 2A).
use super::{addr::AddrKey, slots::Slots};
use chrono::{DateTime, Utc};

/// Addresses that are remembered.
const ADDRESSES: usize = 65_536;

/// Who guesses how much.
pub struct Guesses {
    arrivals: Slots<i64>,
    interval_ms: i64,
    burst_ms: i64,
}

impl Guesses {
    /// `burst` guesses at once, then `per_second`.
    pub fn new(burst: u32, per_second: u32, seed: u64) -> Self {
        let interval_ms = 1000 / i64::from(per_second.clamp(1, 1000));
        Self {
            arrivals: Slots::new(ADDRESSES, seed),
            interval_ms,
            burst_ms: interval_ms * i64::from(burst.max(1)),
        }
    }

    /// Whether one more guess of this address would be over its limit.
    pub fn is_over(&self, addr: AddrKey, now: DateTime<Utc>) -> bool {
        let ahead = self.arrivals.get(addr.0).unwrap_or(0) - now.timestamp_millis();
        ahead + self.interval_ms > self.burst_ms
    }

    /// Counts one guess.
    pub fn charge(&self, addr: AddrKey, now: DateTime<Utc>) {
        let now = now.timestamp_millis();
        self.arrivals.with(addr.0, |arrival| {
            let next = (*arrival).max(now) + self.interval_ms;
            *arrival = next.min(now + self.burst_ms + self.interval_ms);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn burst_then_rate() {
        let guesses = Guesses::new(30, 5, 42);
        let (addr, other) = (AddrKey(7), AddrKey(8));
        let start = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let tries = |from: DateTime<Utc>, seconds: i64| {
            let mut let_through = 0;
            for tenth in 0..seconds * 100 {
                let now = from + TimeDelta::milliseconds(tenth * 10);
                if !guesses.is_over(addr, now) {
                    let_through += 1;
                    guesses.charge(addr, now);
                }
            }
            let_through
        };
        assert_eq!(
            tries(start, 1),
            30 + 4,
            "a burst of 30 in the first instant, then one each 200 ms"
        );
        assert_eq!(tries(start + TimeDelta::seconds(1), 10), 50);
        assert!(
            !guesses.is_over(other, start),
            "another address is not touched"
        );
        assert!(
            !guesses.is_over(addr, start + TimeDelta::minutes(1)),
            "it heals"
        );
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_stay() {
        let guesses = Guesses::new(30, 5, 42);
        let now = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let flooder = AddrKey(1);
        for _ in 0..40 {
            guesses.charge(flooder, now);
        }
        for key in 10..1_000_010 {
            guesses.charge(AddrKey(key), now);
        }
        assert!(
            guesses.is_over(flooder, now),
            "a million one-time guessers do not free the one who guesses most"
        );
    }
}
