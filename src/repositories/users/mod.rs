//! Accounts: one by one here; `list` pages through them, `lapses` notes which expired.
mod lapses;
mod list;

pub use lapses::{lapse, overdue};
pub use list::{After, Filter, Listed, Sort, count, list};

use crate::{
    models::{Named, PlanNo, Role, User, UserId, UserNo, Window},
    schema::{group_users, groups, plans, users},
};
use chrono::{DateTime, Utc};
use diesel::{dsl::array, pg::Pg, prelude::*, sql_types::Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// An account to be made.
#[derive(Debug, Insertable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct NewUser<'a> {
    pub id: UserId,
    pub name: &'a str,
    pub name_skeleton: &'a str,
    pub role: Role,
    pub email: Option<&'a str>,
    pub note: &'a str,
    pub quota: Option<i64>,
    pub quota_window: Window,
    pub window_started_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub on_hold: bool,
    pub valid_for_seconds: Option<i64>,
    pub device_limit: Option<i32>,
    pub online_limit: Option<i32>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What an edit writes back: everything that people set. Counted bytes belong to accounting.
#[derive(Debug, AsChangeset)]
#[diesel(table_name = users, treat_none_as_null = true)]
struct Edited<'a> {
    name: &'a str,
    name_skeleton: Option<&'a str>,
    plan_no: Option<PlanNo>,
    role: Role,
    email: Option<&'a str>,
    note: &'a str,
    quota: Option<i64>,
    quota_window: Window,
    window_anchor: Option<DateTime<Utc>>,
    window_started_at: DateTime<Utc>,
    warned_percent: i16,
    expires_at: Option<DateTime<Utc>>,
    on_hold: bool,
    valid_for_seconds: Option<i64>,
    activated_at: Option<DateTime<Utc>>,
    device_limit: Option<i32>,
    online_limit: Option<i32>,
    suspended_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    erased_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

diesel::define_sql_function!(fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text);

/// Whom a path, a command or a row means.
fn is_called(who: &Named) -> Box<dyn BoxableExpression<users::table, Pg, SqlType = Bool> + '_> {
    match who {
        Named::Id(id) => Box::new(users::id.eq(id)),
        Named::Name(name) => Box::new(lower(users::name).eq(lower(name))),
    }
}

/// An account that is not erased.
pub async fn find(conn: &mut AsyncPgConnection, who: &Named) -> QueryResult<Option<User>> {
    User::query()
        .filter(users::erased_at.is_null())
        .filter(is_called(who))
        .first(conn)
        .await
        .optional()
}

/// The same with the names of its groups and of its plan, in one query.
pub async fn show(
    conn: &mut AsyncPgConnection,
    who: &Named,
) -> QueryResult<Option<(User, Vec<String>, Option<String>)>> {
    let groups = group_users::table
        .inner_join(groups::table.on(groups::number.eq(group_users::group_no)))
        .filter(group_users::user_no.eq(users::number))
        .order(groups::name)
        .select(groups::name);
    let plan = plans::table
        .filter(users::plan_no.eq(plans::number.nullable()))
        .select(plans::name);
    users::table
        .filter(users::erased_at.is_null())
        .filter(is_called(who))
        .select((User::as_select(), array(groups), plan.single_value()))
        .first(conn)
        .await
        .optional()
}

/// An account by its compact number, erased ones too.
pub async fn find_number(conn: &mut AsyncPgConnection, no: UserNo) -> QueryResult<Option<User>> {
    User::query()
        .filter(users::number.eq(no))
        .first(conn)
        .await
        .optional()
}

/// The number of an account by its id, erased ones too: their sums stay.
pub async fn find_erased(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<User>> {
    User::query()
        .filter(users::id.eq(id))
        .first(conn)
        .await
        .optional()
}

/// Reads an account that is not erased and locks its row until the transaction ends. Never `FOR UPDATE`: every insert
/// that refers to the account takes `FOR KEY SHARE`.
pub async fn lock(conn: &mut AsyncPgConnection, who: &Named) -> QueryResult<Option<User>> {
    users::table
        .filter(users::erased_at.is_null())
        .filter(is_called(who))
        .select(User::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
}

/// Locks the owner of something by its number.
pub async fn lock_number(conn: &mut AsyncPgConnection, no: UserNo) -> QueryResult<User> {
    users::table
        .filter(users::number.eq(no))
        .select(User::as_select())
        .for_no_key_update()
        .first(conn)
        .await
}

/// Makes an account.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewUser<'_>) -> QueryResult<User> {
    diesel::insert_into(users::table)
        .values(new)
        .returning(User::as_returning())
        .get_result(conn)
        .await
}

/// Writes back what was edited under the row's lock.
pub async fn update(
    conn: &mut AsyncPgConnection,
    user: &User,
    at: DateTime<Utc>,
) -> QueryResult<User> {
    let edited = Edited {
        name: &user.name,
        name_skeleton: user.name_skeleton.as_deref(),
        plan_no: user.plan_no,
        role: user.role,
        email: user.email.as_deref(),
        note: &user.note,
        quota: user.quota,
        quota_window: user.quota_window,
        window_anchor: user.window_anchor,
        window_started_at: user.window_started_at,
        warned_percent: user.warned_percent,
        expires_at: user.expires_at,
        on_hold: user.on_hold,
        valid_for_seconds: user.valid_for_seconds,
        activated_at: user.activated_at,
        device_limit: user.device_limit,
        online_limit: user.online_limit,
        suspended_at: user.suspended_at,
        deleted_at: user.deleted_at,
        erased_at: user.erased_at,
        updated_at: at,
    };
    diesel::update(users::table.filter(users::number.eq(user.number)))
        .set((edited, users::version.eq(users::version + 1)))
        .returning(User::as_returning())
        .get_result(conn)
        .await
}

/// The names of the groups that these users are in.
pub async fn groups_of(
    conn: &mut AsyncPgConnection,
    of: &[UserNo],
) -> QueryResult<Vec<(UserNo, String)>> {
    group_users::table
        .inner_join(groups::table.on(groups::number.eq(group_users::group_no)))
        .filter(group_users::user_no.eq_any(of))
        .order((group_users::user_no, groups::name))
        .select((group_users::user_no, groups::name))
        .load(conn)
        .await
}

/// Ids and names by compact number, for views that refer to users. An erased one has an empty name.
pub async fn names(
    conn: &mut AsyncPgConnection,
    of: &[UserNo],
) -> QueryResult<Vec<(UserNo, UserId, String)>> {
    users::table
        .filter(users::number.eq_any(of))
        .select((users::number, users::id, users::name))
        .load(conn)
        .await
}
