//! Deleting an account: restorable, or for ever.
use super::{UserDetail, Users, managed, spare, trace};
use crate::{
    error::{Error, Result},
    models::{Ended, Named, User, UserId},
    repositories::{credentials, devices, groups, outbox, sessions, traffic, user_keys, users},
    services::{callers::Caller, store::leave, webhooks},
};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;

impl Users {
    /// Deletes an account: refused and kicked from the answer on, restored by `activate`.
    pub async fn delete(&self, by: &Caller, who: &Named) -> Result<UserDetail> {
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                let user = self.delete_in(conn, by, who).await?;
                self.detail(conn, user).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(detail)
    }

    pub(super) async fn delete_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        who: &Named,
    ) -> Result<User> {
        let now = self.store.clock.now();
        let mut user = managed(conn, by, who).await?;
        if user.deleted_at.is_some() {
            return Err(Error::State("the user is deleted already".to_owned()));
        }
        spare(conn, &user).await?;
        sessions::end_all(conn, user.number, Ended::Deleted, now).await?;
        user.deleted_at = Some(now);
        let user = users::update(conn, &user, now).await?;
        let trace = trace(&by.name, ("user.delete", "user.deleted"), &user, now);
        leave(conn, trace).await?;
        Ok(user)
    }

    /// Erases an account: devices removed, personal fields emptied, the name free. Its number and its sums stay, and
    /// late reports are still credited to them.
    pub async fn erase(&self, by: &Caller, who: &Named) -> Result<()> {
        let mut conn = self.store.conn().await?;
        let user = conn
            .transaction(async |conn| self.erase_in(conn, by, who).await)
            .await?;
        self.recent.forget(user.number);
        self.store.caught_up(conn).await
    }

    /// Erases an account if it is still as it was looked up, deleted before an instant: it may have been restored since.
    pub(super) async fn erase_overdue(
        &self,
        by: &Caller,
        id: UserId,
        deleted_before: DateTime<Utc>,
    ) -> Result<bool> {
        let who = Named::Id(id.0);
        let mut conn = self.store.conn().await?;
        let user = conn
            .transaction(async |conn| {
                let user = match to_be_erased(conn, by, &who).await {
                    Err(Error::NotFound(_)) => return Ok(None),
                    user => user?,
                };
                if user.deleted_at.is_none_or(|at| at >= deleted_before) {
                    return Ok(None);
                }
                self.erase_locked(conn, by, user).await.map(Some)
            })
            .await?;
        let Some(user) = user else {
            return Ok(false);
        };
        self.recent.forget(user.number);
        self.store.caught_up(conn).await?;
        Ok(true)
    }

    pub(super) async fn erase_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        who: &Named,
    ) -> Result<User> {
        let user = to_be_erased(conn, by, who).await?;
        self.erase_locked(conn, by, user).await
    }

    async fn erase_locked(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        mut user: User,
    ) -> Result<User> {
        let now = self.store.clock.now();
        spare(conn, &user).await?;
        let removed = devices::count_live(conn, user.number).await?;
        devices::erase_all(conn, user.number, now).await?;
        credentials::revoke_all(conn, user.number, now).await?;
        groups::forget_user(conn, user.number).await?;
        traffic::forget_addresses(conn, user.number).await?;
        sessions::forget(conn, user.number, now).await?;
        webhooks::forget(conn, user.number).await?;
        user_keys::delete(conn, user.number).await?;
        user.name = String::new();
        user.name_skeleton = None;
        user.email = None;
        user.plan_no = None;
        user.note = String::new();
        user.deleted_at = user.deleted_at.or(Some(now));
        user.erased_at = Some(now);
        let user = users::update(conn, &user, now).await?;
        let trace = trace(&by.name, ("user.erase", "user.erased"), &user, now);
        leave(conn, trace.with(json!({ "devices_removed": removed }))).await?;
        Ok(user)
    }
}

/// The user, locked, behind whoever makes deliveries: nobody makes one of its names while they are erased.
async fn to_be_erased(conn: &mut AsyncPgConnection, by: &Caller, who: &Named) -> Result<User> {
    outbox::lock(conn).await?;
    managed(conn, by, who).await
}
