//! One verb on many users: one transaction, in which each user has a savepoint of its own, so that what cannot be done to
//! one is said of that one. A dry run does it all and takes it back.
use super::{CreateUser, EditUser, Turn, UserDetail, Users, managed, span, trace};
use crate::{
    error::{Error, Result},
    models::{GroupNo, Named, User},
    repositories::{groups, users},
    services::{
        callers::Caller,
        fields::Fields,
        idempotency::Keep,
        store::{Seen, leave},
        users::{MOST_GROUPS, memberships},
    },
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use std::collections::HashSet;

/// The most users of one batch.
pub const MOST: usize = 1_000;
/// More than anybody uses, and far from the largest number.
const LARGEST: i64 = 1 << 62;

/// What is done to each.
#[derive(Clone, Debug)]
pub enum BatchAction {
    /// Makes `count` users, named by a prefix and a number.
    Create {
        prefix: String,
        first: u32,
        count: u32,
        like: Box<CreateUser>,
    },
    /// Moves the expiry, from now if it is past.
    Extend {
        days: i64,
    },
    /// Raises the quota, or lowers it, never below 0.
    AddBytes {
        bytes: i64,
    },
    /// Puts them into this group and no other.
    SetGroup {
        group: String,
    },
    /// Gives them a plan, or takes it away.
    SetPlan {
        plan: Option<String>,
    },
    Suspend,
    Activate,
    Reset,
    Delete {
        hard: bool,
    },
}

/// To whom.
#[derive(Clone, Debug)]
pub struct BatchUsers {
    pub action: BatchAction,
    /// By id or name; none where they are made.
    pub users: Vec<String>,
    pub dry_run: bool,
}

/// What became of it.
#[derive(Debug)]
pub struct Batch {
    pub dry_run: bool,
    /// In the order in which they were named.
    pub items: Vec<BatchItem>,
}

/// What became of one user.
#[derive(Debug)]
pub struct BatchItem {
    /// As the caller named it.
    pub user: String,
    /// `None`: it is erased.
    pub done: Result<Option<UserDetail>>,
}

impl BatchUsers {
    fn check(&self) -> Result<()> {
        let mut fields = Fields::default();
        let n = self.users.len();
        match &self.action {
            BatchAction::Create {
                count, first, like, ..
            } => {
                fields.check(n == 0, "users", "are made here: give prefix and count");
                let most = u32::try_from(MOST).unwrap_or(u32::MAX);
                let fits = (1..=most).contains(count) && first.checked_add(*count).is_some();
                fields.check(fits, "count", "must be 1 to 1000");
                let groups = like.groups.as_ref().map_or(0, Vec::len);
                let few = u64::try_from(groups).is_ok_and(|n| n <= MOST_GROUPS);
                let why = format!("must hold at most {MOST_GROUPS} entries");
                fields.check(few, "like.groups", &why);
            }
            _ => fields.check((1..=MOST).contains(&n), "users", "must be 1 to 1000"),
        }
        match &self.action {
            BatchAction::Extend { days } => {
                fields.take(
                    "days",
                    days.checked_mul(86_400).map_or_else(|| span(0), span),
                );
            }
            BatchAction::AddBytes { bytes } => fields.check(
                *bytes != 0 && bytes.checked_abs().is_some_and(|n| n <= LARGEST),
                "bytes",
                "must not be 0, and at most 2^62",
            ),
            _ => {}
        }
        fields.done()
    }
}

impl Users {
    /// Does it. Only what concerns one user is said of that one; a store that is away ends the whole, undone.
    pub async fn batch(
        &self,
        by: &Caller,
        batch: &BatchUsers,
        keep: &Keep<'_, Batch>,
    ) -> Result<Batch> {
        batch.check()?;
        let mut conn = self.store.conn().await?;
        let mut taken_back = None;
        let done = conn
            .transaction(async |conn| {
                let items = match &batch.action {
                    BatchAction::Create {
                        prefix,
                        first,
                        count,
                        like,
                    } => {
                        let names = (*first..*first + *count).map(|n| format!("{prefix}{n}"));
                        self.make_all(conn, by, names, like).await?
                    }
                    action => self.each(conn, by, action, &batch.users).await?,
                };
                let done = Batch {
                    dry_run: batch.dry_run,
                    items,
                };
                if batch.dry_run {
                    taken_back = Some(done);
                    return Err(diesel::result::Error::RollbackTransaction.into());
                }
                keep.answer(conn, &done).await?;
                Ok::<_, Error>(done)
            })
            .await;
        if let Some(dry) = taken_back {
            return Ok(dry);
        }
        let done = done?;
        for item in &done.items {
            if let Ok(Some(detail)) = &item.done
                && detail.user.erased_at.is_some()
            {
                self.recent.forget(detail.user.number);
            }
        }
        self.store.caught_up(conn).await?;
        Ok(done)
    }

    async fn make_all(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        names: impl Iterator<Item = String> + Send,
        like: &CreateUser,
    ) -> Result<Vec<BatchItem>> {
        let held = memberships(conn, like.groups.as_deref()).await;
        let held = held.map_err(|error| named("like.groups", error))?;
        let mut items = Vec::new();
        for name in names {
            let create = CreateUser {
                name: name.clone(),
                ..like.clone()
            };
            let made = conn
                .transaction(async |conn| {
                    let user = self.create_in(conn, by, &create, Some(&held)).await?;
                    self.detail(conn, user).await
                })
                .await;
            items.push(BatchItem {
                user: name,
                done: own(made)?.map(Some),
            });
        }
        Ok(items)
    }

    /// One after the other in the order of their numbers, which is every writer's; told in the order of their naming.
    async fn each(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        action: &BatchAction,
        of: &[String],
    ) -> Result<Vec<BatchItem>> {
        let group = match action {
            BatchAction::SetGroup { group } => {
                let held = memberships(conn, Some(std::slice::from_ref(group))).await;
                let held = held.map_err(|error| named("group", error))?;
                held.first().copied()
            }
            _ => None,
        };
        let mut order = Vec::new();
        let mut met = HashSet::new();
        let mut items: Vec<BatchItem> = Vec::new();
        for (place, name) in of.iter().enumerate() {
            let done = match users::find(conn, &Named::from(name.as_str())).await? {
                Some(user) if met.insert(user.number) => {
                    order.push((user.number, place, user.id));
                    Ok(None)
                }
                Some(_) => Err(Error::field("users", "is named twice")),
                None => Err(Error::NotFound("user")),
            };
            items.push(BatchItem {
                user: name.clone(),
                done,
            });
        }
        order.sort_unstable();
        for (_, place, id) in order {
            let who = Named::Id(id.0);
            let done = conn
                .transaction(async |conn| {
                    let user = self.one(conn, by, action, group, &who).await?;
                    self.detail(conn, user).await
                })
                .await;
            if let Some(item) = items.get_mut(place) {
                item.done = own(done)?.map(Some);
            }
        }
        Ok(items)
    }

    async fn one(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        action: &BatchAction,
        group: Option<GroupNo>,
        who: &Named,
    ) -> Result<User> {
        match action {
            BatchAction::Create { .. } => Err(Error::State("is made elsewhere".to_owned())),
            BatchAction::Suspend => self.turn_in(conn, by, who, Turn::Suspend).await,
            BatchAction::Activate => self.turn_in(conn, by, who, Turn::Activate).await,
            BatchAction::Reset => self.reset_in(conn, by, who).await,
            BatchAction::Delete { hard: true } => self.erase_in(conn, by, who).await,
            BatchAction::Delete { hard: false } => self.delete_in(conn, by, who).await,
            BatchAction::SetPlan { plan } => {
                let plan = plan.as_deref().map(Named::from);
                let seen = Seen::Anything;
                self.assign_in(conn, by, who, plan.as_ref(), &seen).await
            }
            BatchAction::Extend { days } => {
                let user = managed(conn, by, who).await?;
                let edit = self.extended(&user, days * 86_400)?;
                let edited = self.edit_in(conn, by, who, &edit, &Seen::Anything);
                Ok(edited.await?.user)
            }
            BatchAction::AddBytes { bytes } => {
                let user = managed(conn, by, who).await?;
                let quota = user
                    .quota
                    .ok_or_else(|| Error::State("the user has no quota".to_owned()))?;
                // less than nothing is nothing, and never unlimited
                let quota = quota.saturating_add(*bytes).clamp(0, LARGEST);
                let edit = EditUser {
                    quota: Some(Some(quota)),
                    ..EditUser::default()
                };
                let edited = self.edit_in(conn, by, who, &edit, &Seen::Anything);
                Ok(edited.await?.user)
            }
            BatchAction::SetGroup { .. } => {
                let user = managed(conn, by, who).await?;
                let group_only = group.as_slice();
                if groups::of_user(conn, user.number).await? == group_only {
                    return Ok(user);
                }
                groups::leave_all(conn, user.number).await?;
                groups::add_user(conn, group_only, user.number).await?;
                let now = self.store.clock.now();
                // its view shows its groups
                let user = users::update(conn, &user, now).await?;
                let trace = trace(&by.name, ("user.set_group", "user.updated"), &user, now);
                let detail = json!({ "group": group.map(|no| no.0) });
                leave(conn, trace.with(detail)).await?;
                Ok(user)
            }
        }
    }

    fn extended(&self, user: &User, seconds: i64) -> Result<EditUser> {
        let mut edit = EditUser::default();
        match (user.expires_at, user.valid_for_seconds) {
            (Some(at), _) => {
                let from = at.max(self.store.clock.now());
                let span = span(seconds).map_err(|why| Error::field("days", why))?;
                edit.expires_at = Some(Some(from + span));
            }
            (None, Some(valid)) if user.is_on_hold() => {
                edit.expires_in = Some(valid.saturating_add(seconds));
            }
            _ => return Err(Error::State("the user never expires".to_owned())),
        }
        Ok(edit)
    }
}

/// What is wrong with groups, by the name of the field that named them here.
fn named(field: &str, error: Error) -> Error {
    match error {
        Error::Invalid(mut wrong) => {
            for one in &mut wrong {
                field.clone_into(&mut one.field);
            }
            Error::Invalid(wrong)
        }
        other => other,
    }
}

/// A refusal that is one user's own; everything else ends the batch.
pub(in crate::services) fn own<T>(done: Result<T>) -> Result<Result<T>> {
    match done {
        Err(
            why @ (Error::Database(_)
            | Error::Pool(_)
            | Error::Internal(_)
            | Error::Unavailable(_)
            | Error::InFlight),
        ) => Err(why),
        other => Ok(other),
    }
}
