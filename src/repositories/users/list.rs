//! Pages of accounts. Every order has an index for all live accounts and one for each status, so that a page costs the
//! same wherever it lies; a group's members come in the order in which they were made.
use super::{lapses, lower};
use crate::{
    models::{GroupNo, Status, User, UserNo, storable},
    schema::{group_users, users},
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    expression::SqlLiteral,
    pg::Pg,
    prelude::*,
    sql_types::{Bool, Integer, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use uuid::Uuid;

/// By what a list is ordered; each has its index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    #[default]
    Id,
    Name,
    CreatedAt,
    /// Only those who expire.
    ExpiresAt,
    /// In the order of their making; what a group's members come in unless another order is asked for.
    #[serde(skip)]
    Number,
}

/// Where a page starts: after this row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum After {
    Id(Uuid),
    Name(String),
    CreatedAt(#[serde(deserialize_with = "storable")] DateTime<Utc>, Uuid),
    ExpiresAt(#[serde(deserialize_with = "storable")] DateTime<Utc>, Uuid),
    Number(i64),
}

impl After {
    /// The key of a row in this order.
    pub fn row(sort: Sort, user: &User) -> Self {
        match (sort, user.expires_at) {
            (Sort::Name, _) => Self::Name(user.name.clone()),
            (Sort::CreatedAt, _) => Self::CreatedAt(user.created_at, user.id.0),
            (Sort::ExpiresAt, Some(at)) => Self::ExpiresAt(at, user.id.0),
            (Sort::Number, _) => Self::Number(user.number.0),
            (Sort::Id, _) | (Sort::ExpiresAt, None) => Self::Id(user.id.0),
        }
    }
    /// Whether this key belongs to this order.
    pub fn fits(&self, sort: Sort) -> bool {
        matches!(
            (self, sort),
            (Self::Id(_), Sort::Id)
                | (Self::Name(_), Sort::Name)
                | (Self::CreatedAt(..), Sort::CreatedAt)
                | (Self::ExpiresAt(..), Sort::ExpiresAt)
                | (Self::Number(_), Sort::Number)
        )
    }
}

/// Which users, and from where on.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub sort: Sort,
    pub after: Option<After>,
    /// Names that begin like this, without regard to case.
    pub prefix: Option<String>,
    /// Members of this group.
    pub group: Option<GroupNo>,
    /// Only those with this status; without one, all that are not deleted.
    pub status: Option<Status>,
    pub limit: i64,
}

type Boxed<'a> = users::BoxedQuery<'a, Pg>;

/// How the expired are looked up: their status hangs on the instant.
#[derive(Clone, Copy)]
enum Expired<'a> {
    /// Those that a sweep has noted, in the order of their index.
    Noted,
    /// These, of which no sweep has noted it yet.
    These(&'a [UserNo]),
    /// All.
    Any,
}

/// Names without regard to case, by code point whatever collation the database has: one of a language takes accents for
/// nothing and sorts otherwise than [`compare`].
fn folded() -> SqlLiteral<Text> {
    sql("lower(users.name) COLLATE \"C\"")
}

/// Those whom a filter shows, in no order.
fn shown<'a>(filter: &'a Filter, now: DateTime<Utc>, expired: Expired<'a>) -> Boxed<'a> {
    let mut query = users::table.into_boxed();
    query = match (filter.status, expired) {
        (None, _) => query.filter(users::deleted_at.is_null()),
        (Some(Status::Expired), Expired::These(numbers)) => {
            query.filter(users::number.eq_any(numbers))
        }
        (Some(Status::Expired), Expired::Any) => {
            query.filter(users::standing.eq_any(["expired", "limited", "on_hold", "active"]))
        }
        (Some(status), _) => query.filter(users::standing.eq(status.as_str())),
    };
    query = match filter.status {
        // of those that a sweep noted nearly all are: a plain comparison would be taken for a rare one, and sorted
        Some(Status::Expired) => query.filter(
            sql::<Bool>("users.expires_at - ")
                .bind::<Timestamptz, _>(now)
                .sql(" <= interval '0'"),
        ),
        // those who expired since the last sweep are expired
        Some(Status::Active | Status::Limited | Status::OnHold) => {
            query.filter(users::expires_at.is_null().or(users::expires_at.gt(now)))
        }
        _ => query,
    };
    if let Some(prefix) = &filter.prefix {
        // a range and not LIKE: the index of the order serves it
        let upto = format!("{prefix}\u{10ffff}");
        query = query
            .filter(folded().ge(lower(prefix)))
            .filter(folded().lt(lower(upto)));
    }
    if let Some(group) = filter.group {
        let members = group_users::table
            .filter(group_users::group_no.eq(group))
            .select(group_users::user_no);
        query = query.filter(users::number.eq_any(members));
    }
    if filter.sort == Sort::ExpiresAt {
        query = query.filter(users::expires_at.is_not_null());
    }
    query
}

fn ordered<'a>(query: Boxed<'a>, filter: &'a Filter) -> Boxed<'a> {
    let query = match filter.sort {
        Sort::Id => query.order(users::id),
        Sort::Name => query.order(folded()),
        Sort::CreatedAt => query.order((users::created_at, users::id)),
        Sort::ExpiresAt => query.order((users::expires_at, users::id)),
        Sort::Number => query.order(users::number),
    };
    let pair = |columns: &'static str, at: &'a DateTime<Utc>, id: &'a Uuid| {
        sql::<Bool>(columns)
            .sql(" > (")
            .bind::<Timestamptz, _>(at)
            .sql(", ")
            .bind::<SqlUuid, _>(id)
            .sql(")")
    };
    match &filter.after {
        None => query,
        Some(After::Id(id)) => query.filter(users::id.gt(id)),
        Some(After::Name(name)) => query.filter(folded().gt(lower(name))),
        Some(After::CreatedAt(at, id)) => {
            query.filter(pair("(users.created_at, users.id)", at, id))
        }
        Some(After::ExpiresAt(at, id)) => {
            query.filter(pair("(users.expires_at, users.id)", at, id))
        }
        Some(After::Number(number)) => query.filter(users::number.gt(UserNo(*number))),
    }
}

/// One page of accounts that are not erased.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    now: DateTime<Utc>,
) -> QueryResult<Vec<User>> {
    if let (Some(group), Sort::Number) = (filter.group, filter.sort) {
        return members(conn, group, filter, now).await;
    }
    let mut page = load(conn, filter, now, Expired::Noted).await?;
    if filter.status != Some(Status::Expired) {
        return Ok(page);
    }
    let lapsing = lapses::lapsing(conn, now).await?;
    if !lapsing.is_empty() {
        page.extend(load(conn, filter, now, Expired::These(&lapsing)).await?);
        page.sort_by(|a, b| compare(filter.sort, a, b));
        // a sweep may have noted one between the two
        page.dedup_by_key(|user| user.number);
        page.truncate(usize::try_from(filter.limit).unwrap_or(0));
    }
    Ok(page)
}

async fn load(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    now: DateTime<Utc>,
    expired: Expired<'_>,
) -> QueryResult<Vec<User>> {
    ordered(shown(filter, now, expired), filter)
        .limit(filter.limit)
        .select(User::as_select())
        .load(conn)
        .await
}

/// A group's members, walked along the group's own index, in larger steps the fewer of them are shown.
async fn members(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    filter: &Filter,
    now: DateTime<Utc>,
) -> QueryResult<Vec<User>> {
    let mut after = match filter.after {
        Some(After::Number(number)) => UserNo(number),
        _ => UserNo(0),
    };
    let wanted = usize::try_from(filter.limit).unwrap_or(0);
    let anywhere = Filter {
        group: None,
        after: None,
        ..filter.clone()
    };
    let (mut page, mut step): (Vec<User>, _) = (Vec::new(), filter.limit);
    while page.len() < wanted {
        let numbers: Vec<UserNo> = group_users::table
            .filter(group_users::group_no.eq(group))
            .filter(group_users::user_no.gt(after))
            .order(group_users::user_no)
            .limit(step)
            .select(group_users::user_no)
            .load(conn)
            .await?;
        let Some(last) = numbers.last().copied() else {
            break;
        };
        let some: Vec<User> = shown(&anywhere, now, Expired::Any)
            .filter(users::number.eq_any(numbers))
            .order(users::number)
            .limit(filter.limit)
            .select(User::as_select())
            .load(conn)
            .await?;
        page.extend(some);
        after = last;
        step = (step * 4).min(20_000);
    }
    page.truncate(wanted);
    Ok(page)
}

fn compare(sort: Sort, a: &User, b: &User) -> Ordering {
    let id = || a.id.cmp(&b.id);
    match sort {
        Sort::Id => id(),
        Sort::Name => a
            .name
            .to_lowercase()
            .cmp(&b.name.to_lowercase())
            .then_with(id),
        Sort::CreatedAt => a.created_at.cmp(&b.created_at).then_with(id),
        Sort::ExpiresAt => a.expires_at.cmp(&b.expires_at).then_with(id),
        Sort::Number => a.number.cmp(&b.number),
    }
}

/// How many a filter shows in all; `most` stands for that many or more.
pub async fn count(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    most: i64,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let some = shown(filter, now, Expired::Any)
        .select(sql::<Integer>("1"))
        .limit(most)
        .load::<i32>(conn)
        .await?;
    Ok(i64::try_from(some.len()).unwrap_or(most))
}
