//! A clock that stands until it is turned.
use chrono::{DateTime, TimeDelta, Utc};
use hywarden::clock::{Clock, SystemClock};
use std::sync::atomic::{AtomicI64, Ordering};

pub struct TurnedClock(AtomicI64);

impl TurnedClock {
    pub fn at(now: DateTime<Utc>) -> Self {
        Self(AtomicI64::new(now.timestamp_micros()))
    }
    pub fn turn(&self, by: TimeDelta) {
        self.0
            .fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
    fn fill(&self, bytes: &mut [u8]) {
        SystemClock.fill(bytes);
    }
}
