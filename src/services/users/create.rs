//! Making an account.
use super::{LONGEST, UserDetail, Users, assign, span, trace};
use crate::{
    error::{Error, Result, violated},
    models::{Group, GroupNo, Named, Role, User, UserId, Window, name},
    repositories::{
        groups,
        users::{self, NewUser},
    },
    services::{
        audit::seal_personal,
        callers::Caller,
        fields::{Fields, NOTE},
        idempotency::Keep,
        store::leave,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use validator::Validate;

/// The most groups that a user, a node or a plan is put into.
pub(in crate::services) const MOST_GROUPS: u64 = 100;

/// What an account is made with.
#[derive(Clone, Debug, Default, Validate)]
pub struct CreateUser {
    pub name: String,
    pub role: Option<Role>,
    /// Where a lost password is mended.
    pub email: Option<String>,
    #[validate(length(max = NOTE))]
    pub note: String,
    /// Bytes a window; `None`: unlimited.
    #[validate(range(min = 0))]
    pub quota: Option<i64>,
    pub window: Option<Window>,
    pub expires_at: Option<DateTime<Utc>>,
    /// Seconds from now, or from the first admission of a user on hold.
    pub expires_in: Option<i64>,
    pub on_hold: bool,
    #[validate(range(min = 0))]
    pub device_limit: Option<i32>,
    #[validate(range(min = 0))]
    pub online_limit: Option<i32>,
    /// `None`: the group `default`.
    #[validate(length(max = MOST_GROUPS))]
    pub groups: Option<Vec<String>>,
    /// A plan by id or name, whose limits go before those that are given beside it.
    pub plan: Option<String>,
}

impl CreateUser {
    fn check(&self, now: DateTime<Utc>) -> Result<(String, Option<TimeDelta>)> {
        let mut fields = Fields::declared(self);
        let name = fields.take("name", name::name(&self.name));
        if let Some(email) = &self.email {
            fields.take("email", name::email(email));
        }
        let expires_in = self
            .expires_in
            .and_then(|s| fields.take("expires_in", span(s)));
        if self.expires_at.is_some() && self.expires_in.is_some() {
            fields.wrong("expires_in", "stands beside expires_at: give one of them");
        }
        if self.on_hold && self.expires_at.is_some() {
            fields.wrong(
                "expires_at",
                "a user on hold has no date yet: give expires_in",
            );
        }
        far(&mut fields, self.expires_at, now);
        fields.done()?;
        Ok((name.unwrap_or_default(), expires_in))
    }
}

/// A date that the database and every client can hold.
pub(super) fn far(fields: &mut Fields, at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
    let near = TimeDelta::seconds(LONGEST);
    fields.check(
        at.is_none_or(|at| at <= now + near && at >= now - near),
        "expires_at",
        "must lie within a hundred years",
    );
}

impl Users {
    /// Makes an account.
    pub async fn create(
        &self,
        by: &Caller,
        create: &CreateUser,
        keep: &Keep<'_, UserDetail>,
    ) -> Result<UserDetail> {
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                let user = self.create_in(conn, by, create, None).await?;
                let detail = self.detail(conn, user).await?;
                keep.answer(conn, &detail).await?;
                Ok::<_, Error>(detail)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(detail)
    }

    /// Makes an account within a transaction that makes more than that; in these groups, if it holds them already.
    pub(in crate::services) async fn create_in(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        create: &CreateUser,
        held: Option<&[GroupNo]>,
    ) -> Result<User> {
        let now = self.store.clock.now();
        let (name, expires_in) = create.check(now)?;
        by.must_make(create.role.unwrap_or(Role::User), now)?;
        let valid_for = expires_in.filter(|_| create.on_hold);
        let new = NewUser {
            id: UserId(self.store.clock.uuid()),
            name: &name,
            name_skeleton: &name::skeleton(&name),
            role: create.role.unwrap_or(Role::User),
            email: create.email.as_deref(),
            note: &create.note,
            quota: create.quota,
            quota_window: create.window.unwrap_or(Window::None),
            window_started_at: now,
            expires_at: match expires_in {
                Some(span) if !create.on_hold => Some(now + span),
                _ => create.expires_at,
            },
            on_hold: create.on_hold,
            valid_for_seconds: valid_for.map(|span| span.num_seconds()),
            device_limit: create.device_limit,
            online_limit: create.online_limit,
            created_at: now,
            updated_at: now,
        };
        let groups = match held {
            Some(held) => held.to_vec(),
            None => memberships(conn, create.groups.as_deref()).await?,
        };
        let mut user = users::insert(conn, &new).await.map_err(taken)?;
        groups::add_user(conn, &groups, user.number).await?;
        if let Some(plan) = &create.plan {
            let plan = Named::from(plan.as_str());
            user = assign::give(conn, user, &plan, now).await?;
        }
        let trace = trace(&by.name, ("user.create", "user.created"), &user, now).with(json!({
            "quota": user.quota, "window": user.quota_window, "expires_at": user.expires_at,
            "on_hold": user.on_hold, "device_limit": user.device_limit, "online_limit": user.online_limit,
            "plan": create.plan,
            "role": user.role,
        }));
        let mut personal = json!({ "name": user.name, "note": user.note });
        if let (Some(email), Some(personal)) = (&user.email, personal.as_object_mut()) {
            personal.insert("email".to_owned(), json!(email));
        }
        let (store, number) = (&self.store, user.number);
        let personal = seal_personal(conn, store, number, "user.create", &personal).await?;
        leave(conn, trace.with_personal(personal)).await?;
        Ok(user)
    }
}

/// The numbers of groups given by name or id, each once; of `default` when none is given. They are held: a deletion of the
/// same moment comes before, and is told, or waits until the transaction has ended.
pub(in crate::services) async fn memberships(
    conn: &mut AsyncPgConnection,
    named: Option<&[String]>,
) -> Result<Vec<GroupNo>> {
    let Some(named) = named else {
        // it may have been deleted on purpose
        let default = [Named::Name(groups::DEFAULT.to_owned())];
        let held = groups::hold(conn, &default).await?;
        return Ok(held.into_iter().map(|group| group.number).collect());
    };
    let wanted: Vec<Named> = named
        .iter()
        .map(|name| Named::from(name.as_str()))
        .collect();
    let held = groups::hold(conn, &wanted).await?;
    let mut fields = Fields::default();
    for (name, wanted) in named.iter().zip(&wanted) {
        let is = |group: &Group| match wanted {
            Named::Id(id) => group.id.0 == *id,
            Named::Name(name) => group.name == *name,
        };
        if !held.iter().any(is) {
            fields.wrong("groups", format!("there is no group {name:?}"));
        }
    }
    fields.done()?;
    Ok(held.into_iter().map(|group| group.number).collect())
}

/// A name that somebody has already.
pub(super) fn taken(error: diesel::result::Error) -> Error {
    match violated(&error) {
        Some("users_email_unique") => {
            Error::Duplicate("another user has this e-mail address".to_owned())
        }
        Some("users_name_unique") => Error::Duplicate("another user has this name".to_owned()),
        Some("users_skeleton_unique") => {
            Error::Duplicate("another user has a name that looks like this one".to_owned())
        }
        _ => error.into(),
    }
}
