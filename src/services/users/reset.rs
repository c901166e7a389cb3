//! Starting a user's window anew.
use super::{EditUser, UserDetail, Users, managed, trace};
use crate::{
    error::{Error, Result},
    models::{Named, User},
    repositories::{usage, users},
    services::{
        accounting::settle,
        callers::Caller,
        store::{Seen, leave},
    },
};
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

    /// Changes a user, and starts its window in the same moment.
    pub async fn edit_and_reset(
        &self,
        by: &Caller,
        who: &Named,
        edit: &EditUser,
        seen: &Seen,
    ) -> Result<UserDetail> {
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                self.edit_in(conn, by, who, edit, seen).await?;
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
        let number = [before.number];
        let mut accounts = usage::lock_accounts(conn, &number).await?;
        // a statement of its own after the lock, or its snapshot would be older than the lock
        let sums = usage::sum_accounts(conn, &number).await?;
        let sum = sums.first().map_or(0, |(_, sum)| *sum);
        for account in &mut accounts {
            account.used_total = sum.max(account.used_total);
            settle::reset(account, now);
            account.window_anchor = Some(now);
        }
        usage::update_accounts(conn, &accounts).await?;
        let user = users::find_number(conn, before.number)
            .await?
            .ok_or(Error::NotFound("user"))?;
        let user = users::update(conn, &user, now).await?;
        let trace = trace(&by.name, ("user.reset", "user.window_reset"), &user, now)
            .with(json!({ "used": before.used, "used_total": user.used_total }));
        leave(conn, trace).await?;
        Ok(user)
    }
}
