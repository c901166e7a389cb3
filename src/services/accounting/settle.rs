//! What follows from a user's new sum: its window, its quota, its thresholds. Pure; `crossings` reads and writes.
use super::windows::{ROLLING, present_start};
use crate::{models::Window, repositories::usage::Account};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// The calendar and the thresholds that an installation goes by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Where days, weeks and months begin.
    pub zone: Tz,
    /// Soft thresholds in percent of the quota, ascending, each told once a window.
    pub thresholds: Vec<i16>,
}

impl Rules {
    /// Windows of this kind that began before this instant are over.
    pub fn due_before(&self, window: Window, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match window {
            // begun 30 days ago to the instant: over
            Window::Rolling30 => Some(now - ROLLING + TimeDelta::microseconds(1)),
            _ => present_start(window, None, self.zone, now),
        }
    }
}

/// Something that the settling brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// The first bytes, or the first admission: its clock runs.
    Activated,
    /// A new window began.
    Reset { was_limited: bool },
    /// A soft threshold was reached.
    Warned { percent: i16 },
    /// The quota was reached.
    Limited,
}

/// Brings an account up to date with its sum over all nodes, and says what that crossed.
pub fn settle(account: &mut Account, sum: i64, rules: &Rules, now: DateTime<Utc>) -> Vec<Crossing> {
    let mut crossings = Vec::new();
    if account.activated_at.is_none() && sum > account.used_total {
        activate(account, now);
        crossings.push(Crossing::Activated);
    }
    let was_limited = is_limited(account);
    account.used_total = sum;
    let start = present_start(account.quota_window, account.window_anchor, rules.zone, now);
    if let Some(start) = start.filter(|start| *start > account.window_started_at) {
        reset(account, start);
        crossings.push(Crossing::Reset { was_limited });
    }
    account.used = (account.used_total - account.window_baseline).max(0);
    let was_limited = was_limited && !matches!(crossings.last(), Some(Crossing::Reset { .. }));
    for percent in rules.thresholds.iter().copied() {
        if percent > account.warned_percent && has_reached(account, percent) {
            account.warned_percent = percent;
            crossings.push(Crossing::Warned { percent });
        }
    }
    if is_limited(account) && !was_limited {
        crossings.push(Crossing::Limited);
    }
    crossings
}

/// Starts a window at `start` with nothing used: what was counted so far is its baseline.
pub fn reset(account: &mut Account, start: DateTime<Utc>) {
    account.window_started_at = start;
    account.window_baseline = account.used_total;
    account.used = 0;
    account.warned_percent = 0;
}

/// Starts the clock of a user whose admission nobody wrote down: the report that shows its bytes does.
fn activate(account: &mut Account, at: DateTime<Utc>) {
    account.activated_at = Some(at);
    if account.on_hold
        && let Some(valid) = account.valid_for_seconds
    {
        account.expires_at = TimeDelta::try_seconds(valid).and_then(|v| at.checked_add_signed(v));
    }
    if account.quota_window == Window::Rolling30 && account.window_anchor.is_none() {
        account.window_anchor = Some(at);
        account.window_started_at = at;
    }
}

fn is_limited(account: &Account) -> bool {
    account.quota.is_some_and(|quota| account.used >= quota)
}

fn has_reached(account: &Account, percent: i16) -> bool {
    account.quota.is_some_and(|quota| {
        quota > 0 && i128::from(account.used) * 100 >= i128::from(quota) * i128::from(percent)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::UserNo;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }
    fn account(quota: Option<i64>, window: Window) -> Account {
        Account {
            number: UserNo(1),
            quota,
            quota_window: window,
            window_anchor: None,
            window_started_at: at("2026-01-01T00:00:00Z"),
            window_baseline: 0,
            used_total: 0,
            used: 0,
            warned_percent: 0,
            activated_at: Some(at("2026-01-01T00:00:00Z")),
            on_hold: false,
            valid_for_seconds: None,
            expires_at: None,
        }
    }
    fn settle_at(account: &mut Account, sum: i64, now: &str) -> Vec<Crossing> {
        let rules = Rules {
            zone: Tz::UTC,
            thresholds: vec![80, 95],
        };
        settle(account, sum, &rules, at(now))
    }

    #[test]
    fn thresholds_and_quota_are_told_once_a_window() {
        use Crossing::*;
        let mut a = account(Some(100), Window::Month);
        let warned = |percent| Warned { percent };
        assert_eq!(settle_at(&mut a, 79, "2026-01-02T00:00:00Z"), []);
        assert_eq!(settle_at(&mut a, 80, "2026-01-02T00:00:00Z"), [warned(80)]);
        assert_eq!(settle_at(&mut a, 94, "2026-01-02T00:00:00Z"), []);
        assert_eq!(
            settle_at(&mut a, 100, "2026-01-02T00:00:00Z"),
            [warned(95), Limited]
        );
        assert_eq!(settle_at(&mut a, 170, "2026-01-03T00:00:00Z"), []);
        assert_eq!(
            settle_at(&mut a, 180, "2026-04-01T00:00:00Z"),
            [Reset { was_limited: true }],
            "three boundaries are one reset"
        );
        assert_eq!((a.used, a.used_total, a.window_baseline), (0, 180, 180));
        assert_eq!(
            settle_at(&mut a, 290, "2026-04-01T00:00:00Z"),
            [warned(80), warned(95), Limited]
        );
    }

    #[test]
    fn a_quota_of_nothing_is_used_up_and_none_never_is() {
        let mut a = account(None, Window::None);
        assert_eq!(settle_at(&mut a, 1 << 62, "2026-01-02T00:00:00Z"), []);
        let mut a = account(Some(0), Window::Day);
        a.used_total = 5;
        assert_eq!(
            settle_at(&mut a, 5, "2026-01-02T00:00:00Z"),
            [Crossing::Reset { was_limited: true }, Crossing::Limited],
            "limited again in the new window"
        );
    }

    #[test]
    fn bytes_start_the_clock_where_the_admission_was_lost() {
        let mut a = account(None, Window::Rolling30);
        (a.activated_at, a.on_hold, a.valid_for_seconds) = (None, true, Some(60));
        assert_eq!(settle_at(&mut a, 0, "2026-01-02T00:00:00Z"), []);
        assert_eq!(
            settle_at(&mut a, 1, "2026-01-02T00:00:00Z"),
            [Crossing::Activated]
        );
        assert_eq!(a.window_anchor, Some(at("2026-01-02T00:00:00Z")));
        assert_eq!(a.expires_at, Some(at("2026-01-02T00:01:00Z")));
        assert_eq!(a.used, 1);
    }
}
