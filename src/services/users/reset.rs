//! Starting a user's window anew.
use super::{UserDetail, Users, managed, trace};
use crate::{
    error::{Error, Result},
    models::{Named, User, UserNo},
    repositories::{usage, users},
    services::{accounting::settle, callers::Caller, store::leave},
};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;

impl Users {
    /// Starts the window now: what was used so far no longer counts against the quota. No counter is set to zero, the
    /// sum under the user's lock becomes the baseline.
    pub async fn reset(&self, by: &Caller, who: &Named) -> Result<UserDetail> {
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                let user = self.reset_in(conn, by, who).await?;
                self.detail(conn, user).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(detail)
    }

    pub(super) async fn reset_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        who: &Named,
    ) -> Result<User> {
        let now = self.store.clock.now();
        let before = managed(conn, by, who).await?;
        let user = restart(conn, before.number, now).await?;
        let user = users::update(conn, &user, now).await?;
        let trace = trace(&by.name, ("user.reset", "user.window_reset"), &user, now)
            .with(json!({ "used": before.used, "used_total": user.used_total }));
        leave(conn, trace).await?;
        Ok(user)
    }
}

/// Starts a locked user's window. The caller raises its version and leaves the trace.
pub(super) async fn restart(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    now: DateTime<Utc>,
) -> Result<User> {
    let mut accounts = usage::lock_accounts(conn, &[user]).await?;
    // a statement of its own after the lock, or its snapshot would be older than the lock
    let sums = usage::sum_accounts(conn, &[user]).await?;
    let sum = sums.first().map_or(0, |(_, sum)| *sum);
    for account in &mut accounts {
        account.used_total = sum.max(account.used_total);
        settle::reset(account, now);
        account.window_anchor = Some(now);
    }
    usage::update_accounts(conn, &accounts).await?;
    users::find_number(conn, user)
        .await?
        .ok_or(Error::NotFound("user"))
}
