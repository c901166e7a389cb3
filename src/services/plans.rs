//! Bundles of limits. A user that is given a plan takes its limits over; a later change of the plan reaches it when the
//! plan is applied again. Only whether a plan is paid holds at once, for all its users.
use crate::{
    error::{Error, Result, violated},
    models::{GroupNo, Named, Plan, PlanId, PlanNo, UserNo, Window, name},
    repositories::{
        changes,
        plans::{self, PlanRow},
    },
    services::{
        callers::Caller,
        fields::{Fields, NOTE},
        idempotency::Keep,
        store::{Seen, Store, Trace, leave},
        users::{Applied, MOST_COUNTED, MOST_GROUPS, Users, memberships, span},
    },
};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;
use validator::Validate;

/// Users a transaction when a plan is applied again.
const PART: i64 = 100;

/// The service.
#[derive(Clone)]
pub struct Plans {
    pub store: Store,
    pub users: Users,
}

/// A plan as callers see it.
#[derive(Clone, Debug)]
pub struct PlanDetail {
    pub plan: Plan,
    /// Names of the groups that its users are put into.
    pub groups: Vec<String>,
    /// How many users have it; `MOST_COUNTED` stands for that many or more.
    pub users: i64,
}

/// All that a plan says.
#[derive(Clone, Debug, Default, Validate)]
pub struct PlanTerms {
    pub name: String,
    #[validate(length(max = NOTE))]
    pub note: String,
    /// Bytes a window; `None`: unlimited.
    #[validate(range(min = 0))]
    pub quota: Option<i64>,
    pub window: Option<Window>,
    /// Seconds from the assignment to the expiry; `None`: the expiry stays.
    pub valid_for: Option<i64>,
    #[validate(range(min = 0))]
    pub device_limit: Option<i32>,
    #[validate(range(min = 0))]
    pub online_limit: Option<i32>,
    pub paid: bool,
    /// Groups that its users are put into; empty: their groups stay.
    #[validate(length(max = MOST_GROUPS))]
    pub groups: Vec<String>,
}

impl PlanTerms {
    fn check(&self) -> Result<String> {
        let mut fields = Fields::declared(self);
        let name = fields.take("name", name::name(&self.name));
        if let Some(seconds) = self.valid_for {
            fields.take("valid_for", span(seconds));
        }
        fields.done()?;
        Ok(name.unwrap_or_default())
    }

    fn row<'a>(&'a self, name: &'a str, at: DateTime<Utc>) -> PlanRow<'a> {
        PlanRow {
            name,
            note: &self.note,
            quota: self.quota,
            quota_window: self.window.unwrap_or(Window::None),
            valid_for_seconds: self.valid_for,
            device_limit: self.device_limit,
            online_limit: self.online_limit,
            paid: self.paid,
            updated_at: at,
        }
    }

    fn detail(&self) -> Value {
        json!({
            "quota": self.quota, "window": self.window, "valid_for": self.valid_for,
            "device_limit": self.device_limit, "online_limit": self.online_limit, "paid": self.paid,
            "groups": self.groups,
        })
    }
}

impl Plans {
    /// One page.
    pub async fn list(&self, after: Option<Uuid>, limit: i64) -> Result<Vec<PlanDetail>> {
        let mut conn = self.store.conn().await?;
        let page = plans::list(&mut conn, after, limit).await?;
        details(&mut conn, page).await
    }

    /// One plan.
    pub async fn find(&self, which: &Named) -> Result<PlanDetail> {
        let mut conn = self.store.conn().await?;
        let plan = found(&mut conn, which).await?;
        detail(&mut conn, plan).await
    }

    /// Makes a plan that nobody has yet.
    pub async fn create(
        &self,
        principal: &str,
        terms: &PlanTerms,
        keep: &Keep<'_, PlanDetail>,
    ) -> Result<PlanDetail> {
        let name = terms.check()?;
        let (id, now) = (PlanId(self.store.clock.uuid()), self.store.clock.now());
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let groups = groups(conn, &terms.groups).await?;
            let row = terms.row(&name, now);
            let plan = plans::insert(conn, id, &row).await.map_err(taken)?;
            plans::set_groups(conn, plan.number, &groups)
                .await
                .map_err(taken)?;
            let trace = trace(principal, ("plan.create", "plan.created"), &plan, now);
            leave(conn, trace.with(terms.detail())).await?;
            let made = detail(conn, plan).await?;
            keep.answer(conn, &made).await?;
            Ok::<_, Error>(made)
        })
        .await
    }

    /// Replaces all that a plan says. Its users keep the limits that they have, until it is applied.
    pub async fn replace(
        &self,
        principal: &str,
        which: &Named,
        seen: &Seen,
        change: impl Fn(&PlanDetail) -> PlanTerms + Send + Sync,
    ) -> Result<PlanDetail> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let done = conn
            .transaction(async |conn| {
                let plan = locked(conn, which).await?;
                let was_paid = plan.paid;
                let terms = change(&detail(conn, plan.clone()).await?);
                let name = terms.check()?;
                let groups = groups(conn, &terms.groups).await?;
                // what could not be done anyhow is said before what was changed meanwhile (RFC 9110, 13.2.1)
                seen.check(plan.version)?;
                let row = terms.row(&name, now);
                let plan = plans::update(conn, plan.id, &row).await.map_err(taken)?;
                plans::set_groups(conn, plan.number, &groups)
                    .await
                    .map_err(taken)?;
                if plan.paid != was_paid {
                    plans::touch_users(conn, plan.number).await?;
                    changes::announce(conn).await?;
                }
                let trace = trace(principal, ("plan.update", "plan.updated"), &plan, now);
                leave(conn, trace.with(terms.detail())).await?;
                detail(conn, plan).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(done)
    }

    /// Deletes a plan that nobody has.
    pub async fn delete(&self, principal: &str, which: &Named) -> Result<()> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let plan = locked(conn, which).await?;
            plans::delete(conn, plan.id).await.map_err(in_use)?;
            let what = ("plan.delete", "plan.deleted");
            let trace = trace(principal, what, &plan, now).with(json!({ "name": plan.name }));
            leave(conn, trace).await
        })
        .await
    }

    /// Gives every user of a plan its present limits, each in its own right; expiries stay. Those who have them already are
    /// left alone, so that a call that was cut short is gone on with by the next one.
    pub async fn apply(&self, by: &Caller, which: &Named) -> Result<Applied> {
        let done = self.apply_parts(by, which).await;
        // the parts before one that failed are committed, too
        let conn = self.store.conn().await?;
        self.store.caught_up(conn).await?;
        done
    }

    async fn apply_parts(&self, by: &Caller, which: &Named) -> Result<Applied> {
        let mut conn = self.store.conn().await?;
        let plan = found(&mut conn, which).await?;
        let (mut after, mut done) = (UserNo(0), Applied::default());
        loop {
            let part = plans::differing(&mut conn, plan.number, after, PART).await?;
            let Some((last, _)) = part.last().copied() else {
                return Ok(done);
            };
            after = last;
            let part = self.users.apply_plan(&mut conn, by, &part, plan.id);
            let Applied { users, skipped } = part.await?;
            done.users += users;
            done.skipped += skipped;
        }
    }
}

async fn found(conn: &mut AsyncPgConnection, which: &Named) -> Result<Plan> {
    plans::find(conn, which)
        .await?
        .ok_or(Error::NotFound("plan"))
}

async fn locked(conn: &mut AsyncPgConnection, which: &Named) -> Result<Plan> {
    let plan = found(conn, which).await?;
    plans::lock(conn, plan.id)
        .await?
        .ok_or(Error::NotFound("plan"))
}

async fn groups(conn: &mut AsyncPgConnection, named: &[String]) -> Result<Vec<GroupNo>> {
    memberships(conn, Some(named)).await
}

async fn detail(conn: &mut AsyncPgConnection, plan: Plan) -> Result<PlanDetail> {
    let mut one = details(conn, vec![plan]).await?;
    one.pop().ok_or(Error::NotFound("plan"))
}

async fn details(conn: &mut AsyncPgConnection, page: Vec<Plan>) -> Result<Vec<PlanDetail>> {
    let numbers: Vec<PlanNo> = page.iter().map(|plan| plan.number).collect();
    let mut groups: HashMap<PlanNo, Vec<String>> = HashMap::new();
    for (plan, _, name) in plans::groups_of(conn, &numbers).await? {
        groups.entry(plan).or_default().push(name);
    }
    let mut users = plans::count_users(conn, &numbers, MOST_COUNTED).await?;
    let detail = |plan: Plan| PlanDetail {
        users: users.remove(&plan.number).unwrap_or_default(),
        groups: groups.remove(&plan.number).unwrap_or_default(),
        plan,
    };
    Ok(page.into_iter().map(detail).collect())
}

fn trace<'a>(
    principal: &'a str,
    what: (&'static str, &'static str),
    plan: &Plan,
    at: DateTime<Utc>,
) -> Trace<'a> {
    Trace::new(principal, what, format!("plan:{}", plan.id), at)
}

fn taken(error: diesel::result::Error) -> Error {
    match violated(&error) {
        Some("plans_name_unique") => Error::Duplicate("another plan has this name".to_owned()),
        Some("plan_groups_group_fkey") => Error::field("groups", "one was deleted meanwhile"),
        _ => error.into(),
    }
}

fn in_use(error: diesel::result::Error) -> Error {
    match violated(&error) {
        Some("users_plan_fkey") => {
            Error::State("users have this plan: give them another one first".to_owned())
        }
        _ => error.into(),
    }
}
