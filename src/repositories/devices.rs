//! Clients of users.
use super::users::lower;
use crate::{
    models::{CredentialKind, Device, DeviceId, DeviceNo, OnConflict, UserId, UserNo},
    schema::{credentials, devices, users},
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    expression::SqlLiteral,
    pg::Pg,
    prelude::*,
    sql_types::{Bool, Integer, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use uuid::Uuid;

/// A device to be registered.
#[derive(Debug, Insertable)]
#[diesel(table_name = devices, check_for_backend(diesel::pg::Pg))]
pub struct NewDevice<'a> {
    pub id: DeviceId,
    pub user_no: UserNo,
    pub name: &'a str,
    pub max_connections: i16,
    pub on_conflict: OnConflict,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, AsChangeset)]
#[diesel(table_name = devices, treat_none_as_null = true)]
struct Edited<'a> {
    name: &'a str,
    credential_version: i32,
    max_connections: i16,
    on_conflict: OnConflict,
    blocked_at: Option<DateTime<Utc>>,
    removed_at: Option<DateTime<Utc>>,
    updated_at: DateTime<Utc>,
}

/// A device with what its view needs of its owner and its present credential.
pub type Owned = (Device, UserId, String, Option<CredentialKind>);

/// In which state devices are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not removed.
    #[default]
    Live,
    Active,
    Blocked,
    Removed,
    Any,
}

/// Where a page starts: after this row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum After {
    Id(Uuid),
    Name(String, Uuid),
}

/// Which devices, and from where on.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user: Option<UserNo>,
    pub after: Option<After>,
    pub state: State,
    /// Names that begin like this, without regard to case; then by name.
    pub prefix: Option<String>,
    pub limit: i64,
}

/// Names without regard to case, by code point whatever collation the database has.
fn folded() -> SqlLiteral<Text> {
    sql("lower(devices.name) COLLATE \"C\"")
}

/// The states in which names are looked for: each has an index of their names, and one of all names would have to be walked
/// over those that are not shown.
fn parts(filter: &Filter) -> Vec<State> {
    match (&filter.prefix, filter.state) {
        (Some(_), State::Any) => vec![State::Live, State::Removed],
        (_, state) => vec![state],
    }
}

fn shown(filter: &Filter, state: State) -> devices::BoxedQuery<'_, Pg> {
    let mut query = devices::table.into_boxed();
    if let Some(user) = filter.user {
        query = query.filter(devices::user_no.eq(user));
    }
    let (live, free) = (devices::removed_at.is_null(), devices::blocked_at.is_null());
    query = match state {
        State::Any => query,
        State::Live => query.filter(live),
        State::Active => query.filter(live).filter(free),
        State::Blocked => query.filter(live).filter(devices::blocked_at.is_not_null()),
        State::Removed => query.filter(devices::removed_at.is_not_null()),
    };
    if let Some(prefix) = &filter.prefix {
        let upto = format!("{prefix}\u{10ffff}");
        query = query
            .filter(folded().ge(lower(prefix)))
            .filter(folded().lt(lower(upto)));
    }
    query
}

/// The first of those in one state, each with its name as it is compared.
async fn page(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    state: State,
) -> QueryResult<Vec<(Device, String)>> {
    let mut query = shown(filter, state).limit(filter.limit);
    query = match filter.prefix {
        Some(_) => query.order((folded(), devices::id)),
        None => query.order(devices::id),
    };
    query = match &filter.after {
        None => query,
        Some(After::Id(id)) => query.filter(devices::id.gt(id)),
        Some(After::Name(name, id)) => query.filter(
            sql::<Bool>("(lower(devices.name) COLLATE \"C\", devices.id) > (lower(")
                .bind::<Text, _>(name)
                .sql("), ")
                .bind::<SqlUuid, _>(id)
                .sql(")"),
        ),
    };
    query
        .select((Device::as_select(), folded()))
        .load(conn)
        .await
}

/// One page: by id, or by name where names are looked for.
pub async fn list(conn: &mut AsyncPgConnection, filter: &Filter) -> QueryResult<Vec<Owned>> {
    let mut found = Vec::new();
    for state in parts(filter) {
        found.extend(page(conn, filter, state).await?);
    }
    if filter.prefix.is_some() {
        found.sort_by(|(a, one), (b, other)| (one, a.id.0).cmp(&(other, b.id.0)));
    }
    found.truncate(usize::try_from(filter.limit).unwrap_or(0));
    let page: Vec<Device> = found.into_iter().map(|(device, _)| device).collect();
    let numbers: Vec<DeviceNo> = page.iter().map(|d| d.number).collect();
    let of: Vec<(DeviceNo, UserId, String, Option<CredentialKind>)> = devices::table
        .inner_join(users::table.on(users::number.eq(devices::user_no)))
        .left_join(
            credentials::table.on(credentials::device_no
                .eq(devices::number)
                .and(credentials::version.eq(devices::credential_version))),
        )
        .filter(devices::number.eq_any(numbers))
        .select((
            devices::number,
            users::id,
            users::name,
            credentials::kind.nullable(),
        ))
        .load(conn)
        .await?;
    let mut of: HashMap<_, _> = of
        .into_iter()
        .map(|(no, id, name, kind)| (no, (id, name, kind)))
        .collect();
    let owned = |device: Device| {
        let (id, name, kind) = of.remove(&device.number)?;
        Some((device, id, name, kind))
    };
    Ok(page.into_iter().filter_map(owned).collect())
}

/// How many a filter shows in all; `most` stands for that many or more.
pub async fn count(conn: &mut AsyncPgConnection, filter: &Filter, most: i64) -> QueryResult<i64> {
    let mut counted = 0;
    for state in parts(filter) {
        let mut query = shown(filter, state).limit(most);
        if filter.prefix.is_some() {
            // along the names: where none begins like this, the database may else read all rows to find so many
            query = query.order((folded(), devices::id));
        }
        let some: Vec<i32> = query.select(sql::<Integer>("1")).load(conn).await?;
        counted += i64::try_from(some.len()).unwrap_or(most);
    }
    Ok(counted.min(most))
}

/// A device, removed ones too.
pub async fn find(conn: &mut AsyncPgConnection, id: DeviceId) -> QueryResult<Option<Owned>> {
    devices::table
        .inner_join(users::table.on(users::number.eq(devices::user_no)))
        .left_join(
            credentials::table.on(credentials::device_no
                .eq(devices::number)
                .and(credentials::version.eq(devices::credential_version))),
        )
        .filter(devices::id.eq(id))
        .select((
            Device::as_select(),
            users::id,
            users::name,
            credentials::kind.nullable(),
        ))
        .first(conn)
        .await
        .optional()
}

/// The ids of all devices that a user ever had.
pub async fn ids_of(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<Vec<DeviceId>> {
    devices::table
        .filter(devices::user_no.eq(user))
        .order(devices::id)
        .select(devices::id)
        .load(conn)
        .await
}

/// The ids of a user's devices that are not removed, in the order of their numbers.
pub async fn live_of(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<Vec<DeviceId>> {
    devices::table
        .filter(devices::user_no.eq(user))
        .filter(devices::removed_at.is_null())
        .order(devices::number)
        .select(devices::id)
        .load(conn)
        .await
}

/// Whose device this is: its lock comes first.
pub async fn owner(conn: &mut AsyncPgConnection, id: DeviceId) -> QueryResult<Option<UserNo>> {
    devices::table
        .find(id)
        .select(devices::user_no)
        .first(conn)
        .await
        .optional()
}

/// Reads a device that is not removed and locks its row. The owner's row is locked before.
pub async fn lock(conn: &mut AsyncPgConnection, id: DeviceId) -> QueryResult<Option<Device>> {
    devices::table
        .find(id)
        .filter(devices::removed_at.is_null())
        .select(Device::as_select())
        .for_no_key_update()
        .first(conn)
        .await
        .optional()
}

/// A user's devices that are not removed, counted under the user's lock.
pub async fn count_live(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<i64> {
    devices::table
        .filter(devices::user_no.eq(user))
        .filter(devices::removed_at.is_null())
        .count()
        .get_result(conn)
        .await
}

/// Registers a device.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewDevice<'_>) -> QueryResult<Device> {
    diesel::insert_into(devices::table)
        .values(new)
        .returning(Device::as_returning())
        .get_result(conn)
        .await
}

/// Writes back what was edited under the row's lock.
pub async fn update(
    conn: &mut AsyncPgConnection,
    device: &Device,
    at: DateTime<Utc>,
) -> QueryResult<Device> {
    let edited = Edited {
        name: &device.name,
        credential_version: device.credential_version,
        max_connections: device.max_connections,
        on_conflict: device.on_conflict,
        blocked_at: device.blocked_at,
        removed_at: device.removed_at,
        updated_at: at,
    };
    diesel::update(devices::table.find(device.id))
        .set((edited, devices::version.eq(devices::version + 1)))
        .returning(Device::as_returning())
        .get_result(conn)
        .await
}

/// Removes all devices of a user that is being erased, and empties the names of all it ever had.
pub async fn erase_all(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::update(devices::table.filter(devices::user_no.eq(user)))
        .filter(devices::removed_at.is_null())
        .set((devices::removed_at.eq(at), devices::updated_at.eq(at)))
        .execute(conn)
        .await?;
    diesel::update(devices::table.filter(devices::user_no.eq(user)))
        .set((
            devices::name.eq(""),
            devices::version.eq(devices::version + 1),
        ))
        .execute(conn)
        .await
}

/// Ids and names by compact number, for views that refer to devices.
pub async fn names(
    conn: &mut AsyncPgConnection,
    of: &[DeviceNo],
) -> QueryResult<Vec<(DeviceNo, DeviceId, String)>> {
    devices::table
        .filter(devices::number.eq_any(of))
        .select((devices::number, devices::id, devices::name))
        .load(conn)
        .await
}
