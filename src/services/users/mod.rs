//! Accounts: made, found, changed, suspended, deleted, one by one or many at once (`batch`). Counted bytes are
//! accounting's, who may connect is admission's. A verb's `…_in` is the verb inside somebody's transaction.
mod assign;
mod audit;
mod batch;
mod create;
mod edit;
mod explain;
mod overdue;
mod remove;
mod reset;

use crate::repositories::users::Listed;
pub use crate::repositories::users::{After, Filter, Sort};
pub use assign::Applied;
pub(super) use batch::own;
pub use batch::{Batch, BatchAction, BatchItem, BatchUsers};
pub use create::CreateUser;
pub(super) use create::{MOST_GROUPS, memberships};
pub use edit::EditUser;
pub use explain::{Explained, Refusal};
pub use overdue::Overdue;

use crate::{
    admission::recent::Recent,
    error::{Error, Result},
    models::{Ended, Named, PlanNo, Role, Status, User, UserNo},
    repositories::{factors, groups, nodes, plans, sessions, users},
    services::{
        callers::Caller,
        post::Post,
        store::{Store, Trace, leave},
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use std::{collections::HashMap, sync::Arc};

/// The longest validity that is taken: a hundred years.
const LONGEST: i64 = 100 * 366 * 86_400;

/// As far as lists are counted.
pub const MOST_COUNTED: i64 = 10_000;

/// The service.
#[derive(Clone)]
pub struct Users {
    pub store: Store,
    pub recent: Arc<Recent>,
    pub post: Post,
}

/// A user as callers see it.
#[derive(Clone, Debug)]
pub struct UserDetail {
    pub user: User,
    /// At the moment of the answer.
    pub status: Status,
    /// Names of its groups.
    pub groups: Vec<String>,
    /// The name of the plan it was given last.
    pub plan: Option<String>,
}

impl Users {
    /// One user.
    pub async fn find(&self, who: &Named) -> Result<UserDetail> {
        let mut conn = self.store.conn().await?;
        let (user, groups, plan) = users::show(&mut conn, who)
            .await?
            .ok_or(Error::NotFound("user"))?;
        Ok(UserDetail {
            status: user.status(self.store.clock.now()),
            user,
            groups,
            plan,
        })
    }

    /// The compact number of a user.
    pub async fn number(&self, who: &Named) -> Result<Option<UserNo>> {
        let mut conn = self.store.conn().await?;
        Ok(users::find(&mut conn, who).await?.map(|user| user.number))
    }

    /// One page, where to go on if it comes short, and how many there are in all if that is `counted`: `MOST_COUNTED`
    /// stands for that many or more.
    pub async fn list(
        &self,
        mut filter: Filter,
        group: Option<&Named>,
        counted: bool,
    ) -> Result<(Vec<UserDetail>, Option<After>, Option<i64>)> {
        let mut conn = self.store.conn().await?;
        let conn = &mut *conn;
        if let Some(group) = group {
            let Some(group) = groups::find(conn, group).await? else {
                return Err(Error::field("group", "there is no such group"));
            };
            filter.group = Some(group.number);
        }
        let now = self.store.clock.now();
        let Listed { users: page, rest } = users::list(conn, &filter, now).await?;
        let total = if counted {
            Some(users::count(conn, &filter, MOST_COUNTED, now).await?)
        } else {
            None
        };
        Ok((self.details(conn, page).await?, rest, total))
    }

    async fn details(
        &self,
        conn: &mut AsyncPgConnection,
        page: Vec<User>,
    ) -> Result<Vec<UserDetail>> {
        let numbers: Vec<UserNo> = page.iter().map(|u| u.number).collect();
        let mut groups: HashMap<UserNo, Vec<String>> = HashMap::new();
        for (user, group) in users::groups_of(conn, &numbers).await? {
            groups.entry(user).or_default().push(group);
        }
        let mut named: Vec<PlanNo> = page.iter().filter_map(|u| u.plan_no).collect();
        named.sort_unstable();
        named.dedup();
        let plans: HashMap<PlanNo, String> = if named.is_empty() {
            HashMap::new()
        } else {
            plans::names(conn, &named).await?.into_iter().collect()
        };
        let now = self.store.clock.now();
        let detail = |user: User| UserDetail {
            status: user.status(now),
            groups: groups.remove(&user.number).unwrap_or_default(),
            plan: user.plan_no.and_then(|no| plans.get(&no).cloned()),
            user,
        };
        Ok(page.into_iter().map(detail).collect())
    }

    /// Suspends: refused from the answer on, and kicked.
    pub async fn suspend(&self, by: &Caller, who: &Named) -> Result<UserDetail> {
        self.turn(by, who, Turn::Suspend).await
    }

    /// Ends a suspension, or restores a deleted user.
    pub async fn activate(&self, by: &Caller, who: &Named) -> Result<UserDetail> {
        self.turn(by, who, Turn::Activate).await
    }

    async fn turn(&self, by: &Caller, who: &Named, turn: Turn) -> Result<UserDetail> {
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                let user = self.turn_in(conn, by, who, turn).await?;
                self.detail(conn, user).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(detail)
    }

    async fn turn_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        who: &Named,
        turn: Turn,
    ) -> Result<User> {
        let now = self.store.clock.now();
        let mut user = managed(conn, by, who).await?;
        match turn {
            Turn::Suspend => {
                spare(conn, &user).await?;
                sessions::end_all(conn, user.number, Ended::Suspended, now).await?;
                user.suspended_at = user.suspended_at.or(Some(now));
            }
            Turn::Activate => (user.suspended_at, user.deleted_at) = (None, None),
        }
        let user = users::update(conn, &user, now).await?;
        let what = match turn {
            Turn::Suspend => ("user.suspend", "user.suspended"),
            Turn::Activate => ("user.activate", "user.activated"),
        };
        leave(conn, trace(&by.name, what, &user, now)).await?;
        Ok(user)
    }

    /// Allows or denies a node to a user whatever its groups say; `None` lets the groups decide again.
    pub async fn permit(
        &self,
        by: &Caller,
        who: &Named,
        which: &Named,
        allowed: Option<bool>,
    ) -> Result<()> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let node = nodes::lock(conn, which)
                .await?
                .ok_or(Error::NotFound("node"))?;
            let user = managed(conn, by, who).await?;
            match allowed {
                Some(allowed) => {
                    groups::set_override(conn, user.number, node.number, allowed).await?;
                }
                None => {
                    if !groups::remove_override(conn, user.number, node.number).await? {
                        return Err(Error::NotFound("rule"));
                    }
                }
            }
            let what = match allowed {
                Some(true) => ("user.allow", "user.node_allowed"),
                Some(false) => ("user.deny", "user.node_denied"),
                None => ("user.inherit", "user.node_inherited"),
            };
            let mut trace = trace(&by.name, what, &user, now).with(json!({ "node": node.id }));
            trace.node = Some(node.number);
            leave(conn, trace).await
        })
        .await?;
        self.store.caught_up(conn).await
    }

    async fn detail(&self, conn: &mut AsyncPgConnection, user: User) -> Result<UserDetail> {
        let mut one = self.details(conn, vec![user]).await?;
        one.pop().ok_or(Error::NotFound("user"))
    }
}

#[derive(Clone, Copy)]
enum Turn {
    Suspend,
    Activate,
}

/// The user, locked until the transaction ends, if the caller may change it.
pub(super) async fn managed(
    conn: &mut AsyncPgConnection,
    by: &Caller,
    who: &Named,
) -> Result<User> {
    let user = locked(conn, who).await?;
    by.must_manage(user.role)?;
    Ok(user)
}

/// A superadmin is about to be one no longer: another one must be able to log in, or nobody could make one again (A3).
async fn spare(conn: &mut AsyncPgConnection, user: &User) -> Result<()> {
    if user.role != Role::Superadmin {
        return Ok(());
    }
    factors::lock_superadmins(conn).await?;
    if factors::count_superadmins(conn, Some(user.number)).await? == 0 {
        return Err(Error::State(
            "this is the last superadmin who can log in: make another one first".to_owned(),
        ));
    }
    Ok(())
}

/// The user, locked until the transaction ends.
pub(super) async fn locked(conn: &mut AsyncPgConnection, who: &Named) -> Result<User> {
    users::lock(conn, who).await?.ok_or(Error::NotFound("user"))
}

/// The traces of a change of a user. Directories read a user's rows whatever changed in them.
fn trace<'a>(
    principal: &'a str,
    what: (&'static str, &'static str),
    user: &User,
    at: DateTime<Utc>,
) -> Trace<'a> {
    Trace::new(principal, what, format!("user:{}", user.id), at).user(user.number)
}

/// How long, checked; in seconds.
pub(super) fn span(seconds: i64) -> Result<TimeDelta, String> {
    if (1..=LONGEST).contains(&seconds) {
        Ok(TimeDelta::seconds(seconds))
    } else {
        Err("must be 1 second to 100 years".to_owned())
    }
}
