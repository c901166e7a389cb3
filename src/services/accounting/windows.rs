//! When a user's window begins again. Counters are never set to zero: a reset moves the baseline (design, 2B.9).
use crate::models::Window;
use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

/// Length of a `rolling-30` period.
pub const ROLLING: TimeDelta = TimeDelta::days(30);

/// The start of the window that `now` lies in; `None`: it never starts again, or its clock has not started.
pub fn present_start(
    window: Window,
    anchor: Option<DateTime<Utc>>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let today = now.with_timezone(&zone).date_naive();
    let from_monday = Days::new(today.weekday().num_days_from_monday().into());
    let day = match window {
        Window::None => return None,
        Window::Day => today,
        Window::Week => today.checked_sub_days(from_monday)?,
        Window::Month => today.with_day(1)?,
        Window::Rolling30 => {
            let anchor = anchor?;
            let periods = (now - anchor)
                .num_seconds()
                .div_euclid(ROLLING.num_seconds());
            return anchor.checked_add_signed(TimeDelta::try_seconds(
                periods.checked_mul(ROLLING.num_seconds())?,
            )?);
        }
    };
    Some(midnight(day, zone))
}

/// The first instant of a day. Some zones change their clocks at midnight: then the day begins later, or once only.
fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let local = day.and_time(NaiveTime::MIN);
    let mut quarters = (0..=8).map(|n| local + TimeDelta::minutes(15 * n));
    quarters
        .find_map(|at| match zone.from_local_datetime(&at) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Some(at.to_utc()),
            LocalResult::None => None,
        })
        .unwrap_or_else(|| local.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }
    fn start(window: Window, zone: Tz, now: &str) -> DateTime<Utc> {
        present_start(window, None, zone, at(now)).unwrap()
    }

    #[test]
    fn days_weeks_and_months_begin_at_the_zones_midnight() {
        let now = "2026-11-01T00:30:00Z"; // a Sunday
        for (window, zone, begin) in [
            (Window::Day, Tz::UTC, "2026-11-01T00:00:00Z"),
            (Window::Week, Tz::UTC, "2026-10-26T00:00:00Z"),
            (Window::Month, Tz::UTC, "2026-11-01T00:00:00Z"),
            (Window::Day, Tz::America__New_York, "2026-10-31T04:00:00Z"),
            (Window::Month, Tz::America__New_York, "2026-10-01T04:00:00Z"),
            (Window::Day, Tz::Asia__Tehran, "2026-10-31T20:30:00Z"),
        ] {
            assert_eq!(start(window, zone, now), at(begin), "{window} {zone}");
        }
        assert_eq!(present_start(Window::None, None, Tz::UTC, at(now)), None);
    }

    #[test]
    fn a_day_without_a_midnight_begins_later() {
        // Beirut's clocks go from 00:00 to 01:00 on the last Sunday of March.
        let begin = start(Window::Day, Tz::Asia__Beirut, "2026-03-29T12:00:00Z");
        assert_eq!(begin, at("2026-03-28T22:00:00Z"));
        // Havana's go back from 01:00 to 00:00 on the first Sunday of November: the day begins once, at the first.
        let begin = start(Window::Day, Tz::America__Havana, "2026-11-01T12:00:00Z");
        assert_eq!(begin, at("2026-11-01T04:00:00Z"));
    }

    #[test]
    fn rolling_periods_follow_the_anchor_and_never_drift() {
        let anchor = Some(at("2026-01-10T09:15:00Z"));
        let start = |now: &str| present_start(Window::Rolling30, anchor, Tz::UTC, at(now));
        assert_eq!(start("2026-01-10T09:15:00Z"), anchor);
        assert_eq!(start("2026-02-09T09:14:59Z"), anchor);
        assert_eq!(
            start("2026-02-09T09:15:00Z"),
            Some(at("2026-02-09T09:15:00Z"))
        );
        // several missed boundaries are one step
        assert_eq!(
            start("2026-06-01T00:00:00Z"),
            Some(at("2026-05-10T09:15:00Z"))
        );
        assert_eq!(
            present_start(Window::Rolling30, None, Tz::UTC, at("2026-06-01T00:00:00Z")),
            None
        );
    }
}
