//! The second, short transaction: what spans nodes is derived, never counted. Locks the users that merges touched, in the
//! order of their numbers, sums them in a later statement, stores the sums, and writes what they crossed. Idempotent:
//! whatever is left over after a crash is worked off by the sweeper.
use super::{
    Accounting,
    settle::{Crossing, Rules, settle},
};
use crate::{
    error::Result,
    models::{NodeNo, Severity, UserNo, Window},
    repositories::{
        changes::{self, Change},
        events::{self, NewEvent},
        usage::{self, Account},
    },
};
use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};

/// Users a transaction: short ones, so that nobody waits.
const PART: i64 = 1_000;

/// How far a user is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    pub user: UserNo,
    /// Bytes of this window.
    pub used: i64,
    pub quota: Option<i64>,
    /// Bytes since it was last looked at.
    pub moved: i64,
}

impl Accounting {
    /// Works off what a node's merges, or all nodes', have touched. Gives the users' levels.
    pub async fn cross(&self, node: Option<NodeNo>) -> Result<Vec<Level>> {
        let mut levels = Vec::new();
        let mut conn = self.db.get().await?;
        loop {
            let now = self.clock.now();
            let (some, full): (Vec<Level>, bool) = conn
                .transaction(async |conn| {
                    let touched = usage::list_touched(conn, node, PART).await?;
                    let users: BTreeSet<UserNo> = touched.iter().map(|t| t.user).collect();
                    let users: Vec<UserNo> = users.into_iter().collect();
                    let levels = bring_up_to_date(conn, &users, &self.rules, now).await?;
                    let removed = usage::delete_touched(conn, &touched).await?;
                    let full = i64::try_from(touched.len()).is_ok_and(|n| n >= PART) && removed > 0;
                    QueryResult::Ok((levels, full))
                })
                .await?;
            levels.extend(some);
            if !full {
                return Ok(levels);
            }
        }
    }

    /// Starts the windows whose boundary is past. Gives how many users were looked at.
    pub async fn start_windows(&self) -> Result<usize> {
        let mut looked_at = 0;
        let mut conn = self.db.get().await?;
        for window in [Window::Day, Window::Week, Window::Month, Window::Rolling30] {
            loop {
                let now = self.clock.now();
                let Some(before) = self.rules.due_before(window, now) else {
                    break;
                };
                let n = conn
                    .transaction(async |conn| {
                        let mut due = usage::list_due(conn, window, before, PART).await?;
                        due.sort_unstable();
                        bring_up_to_date(conn, &due, &self.rules, now).await?;
                        QueryResult::Ok(due.len())
                    })
                    .await?;
                looked_at += n;
                if i64::try_from(n).is_ok_and(|n| n < PART) {
                    break;
                }
            }
        }
        Ok(looked_at)
    }

    /// Starts a user's window now, with nothing used, in a transaction of the caller's: an admin's reset. The caller
    /// writes its own change, event and audit rows.
    pub async fn reset_in(&self, conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<bool> {
        let now = self.clock.now();
        let mut accounts = usage::lock_accounts(conn, &[user]).await?;
        let sums = usage::sum_accounts(conn, &[user]).await?;
        let Some(account) = accounts.first_mut() else {
            return Ok(false);
        };
        account.used_total = sums.first().map_or(0, |(_, sum)| *sum);
        super::settle::reset(account, now);
        if account.quota_window == Window::Rolling30 {
            account.window_anchor = Some(now);
        }
        usage::update_accounts(conn, &accounts).await?;
        Ok(true)
    }
}

/// Locks users, sums them in a later statement, stores what follows. `users` ascends.
async fn bring_up_to_date(
    conn: &mut AsyncPgConnection,
    users: &[UserNo],
    rules: &Rules,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Level>> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let mut accounts = usage::lock_accounts(conn, users).await?;
    let sums: HashMap<UserNo, i64> = usage::sum_accounts(conn, users)
        .await?
        .into_iter()
        .collect();
    let (mut changed, mut new_events, mut access) = (Vec::new(), Vec::new(), Vec::new());
    let mut levels = Vec::with_capacity(accounts.len());
    for account in &mut accounts {
        let before = account.clone();
        let sum = sums.get(&account.number).copied().unwrap_or_default();
        for crossing in settle(account, sum, rules, now) {
            new_events.push(event(account, crossing, now));
            if changes_access(crossing) && access.last() != Some(&Change::User(account.number)) {
                access.push(Change::User(account.number));
            }
        }
        levels.push(Level {
            user: account.number,
            used: account.used,
            quota: account.quota,
            moved: account.used_total - before.used_total,
        });
        if *account != before {
            changed.push(account.clone());
        }
    }
    if !changed.is_empty() {
        usage::update_accounts(conn, &changed).await?;
    }
    events::insert_all(conn, &new_events).await?;
    changes::insert_all(conn, &access).await?;
    Ok(levels)
}

fn changes_access(crossing: Crossing) -> bool {
    match crossing {
        Crossing::Activated | Crossing::Limited => true,
        Crossing::Reset { was_limited } => was_limited,
        Crossing::Warned { .. } => false,
    }
}

fn event(account: &Account, crossing: Crossing, at: DateTime<Utc>) -> NewEvent<'static> {
    let level = json!({"used": account.used, "quota": account.quota});
    let (kind, severity, data): (_, _, Value) = match crossing {
        Crossing::Activated => (
            "user.activated",
            Severity::Info,
            json!({"expires_at": account.expires_at}),
        ),
        Crossing::Reset { .. } => (
            "user.window_started",
            Severity::Info,
            json!({"window": account.quota_window, "started_at": account.window_started_at, "used_total": account.used_total}),
        ),
        Crossing::Warned { percent } => (
            "user.quota_warning",
            Severity::Warning,
            json!({"percent": percent, "used": account.used, "quota": account.quota}),
        ),
        Crossing::Limited => ("user.limited", Severity::Warning, level),
    };
    NewEvent {
        kind,
        severity,
        actor: "accounting",
        user: Some(account.number),
        device: None,
        node: None,
        data,
        at,
    }
}
