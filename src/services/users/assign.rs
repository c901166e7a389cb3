//! Giving a user a plan: it takes the plan's limits over.
use super::{EditUser, UserDetail, Users, managed, trace};
use crate::{
    error::{Error, Result, violated},
    models::{Named, Plan, PlanId, User, UserId, UserNo},
    repositories::{groups, plans, users},
    services::{
        callers::Caller,
        store::{Seen, leave},
    },
};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;

/// What became of a plan's users when it was applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Have the present limits from now on.
    pub users: usize,
    /// Stand above the caller, and keep what they have.
    pub skipped: usize,
}

impl Users {
    /// Gives a user a plan and its limits, or takes the plan away and leaves the limits.
    pub async fn assign(
        &self,
        by: &Caller,
        who: &Named,
        plan: Option<&Named>,
        seen: &Seen,
    ) -> Result<UserDetail> {
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                let user = self.assign_in(conn, by, who, plan, seen).await?;
                self.detail(conn, user).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(detail)
    }

    pub(super) async fn assign_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        who: &Named,
        plan: Option<&Named>,
        seen: &Seen,
    ) -> Result<User> {
        let now = self.store.clock.now();
        let mut user = managed(conn, by, who).await?;
        seen.check(user.version)?;
        let user = if let Some(plan) = plan {
            give(conn, user, plan, now).await?
        } else {
            user.plan_no = None;
            users::update(conn, &user, now).await?
        };
        let what = ("user.assign", "user.plan_assigned");
        let trace = trace(&by.name, what, &user, now).with(json!({
            "plan": user.plan_no.map(|no| no.0), "quota": user.quota, "window": user.quota_window,
            "expires_at": user.expires_at, "device_limit": user.device_limit, "online_limit": user.online_limit,
        }));
        leave(conn, trace).await?;
        Ok(user)
    }

    /// Gives some users of a plan its present limits again, in one transaction; their expiries stay.
    pub(in crate::services) async fn apply_plan(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        part: &[(UserNo, UserId)],
        plan: PlanId,
    ) -> Result<Applied> {
        let now = self.store.clock.now();
        conn.transaction(async |conn| {
            let mut done = Applied::default();
            for (_, id) in part {
                // one that was given another plan or erased in between is left alone
                let Some(mut user) = users::lock(conn, &Named::Id(id.0)).await? else {
                    continue;
                };
                let Some(plan) = plans::find(conn, &Named::Id(plan.0)).await? else {
                    return Err(Error::NotFound("plan"));
                };
                if user.plan_no != Some(plan.number) {
                    continue;
                }
                if !by.may_manage(user.role) {
                    done.skipped += 1;
                    continue;
                }
                terms(&plan, false).apply(&mut user, None, now)?;
                join(conn, &user, &plan).await?;
                let user = users::update(conn, &user, now).await?;
                let what = ("user.assign", "user.plan_assigned");
                let trace = trace(&by.name, what, &user, now)
                    .with(json!({ "plan": plan.number.0, "again": true }));
                leave(conn, trace).await?;
                done.users += 1;
            }
            Ok(done)
        })
        .await
    }
}

/// Sets a locked user's limits to those of a plan. The caller leaves the trace.
pub(super) async fn give(
    conn: &mut AsyncPgConnection,
    mut user: User,
    plan: &Named,
    now: DateTime<Utc>,
) -> Result<User> {
    let plan = plans::find(conn, plan)
        .await?
        .ok_or_else(|| Error::field("plan", "there is no such plan"))?;
    if plan.valid_for_seconds.is_some() && !user.is_on_hold() {
        // a plan that ends replaces whatever end there was
        user.expires_at = None;
    }
    terms(&plan, true).apply(&mut user, None, now)?;
    user.plan_no = Some(plan.number);
    join(conn, &user, &plan).await?;
    // it may have been deleted since it was found
    users::update(conn, &user, now)
        .await
        .map_err(|error| match violated(&error) {
            Some("users_plan_fkey") => Error::field("plan", "there is no such plan"),
            _ => error.into(),
        })
}

async fn join(conn: &mut AsyncPgConnection, user: &User, plan: &Plan) -> Result<()> {
    let of_plan = plans::groups_of(conn, &[plan.number]).await?;
    let of_plan: Vec<_> = of_plan.into_iter().map(|(_, group, _)| group).collect();
    // one that is deleted at this moment is the plan's no more
    let held = groups::hold_numbers(conn, &of_plan).await?;
    if !held.is_empty() {
        groups::leave_all(conn, user.number).await?;
        groups::add_user(conn, &held, user.number).await?;
    }
    Ok(())
}

fn terms(plan: &Plan, with_expiry: bool) -> EditUser {
    EditUser {
        quota: Some(plan.quota),
        window: Some(plan.quota_window),
        device_limit: Some(plan.device_limit),
        online_limit: Some(plan.online_limit),
        expires_in: plan.valid_for_seconds.filter(|_| with_expiry),
        ..EditUser::default()
    }
}
