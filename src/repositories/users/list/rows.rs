//! Which rows a filter shows, and in which order.
use super::{After, Filter, Sort};
use crate::{
    models::{Status, User, UserNo},
    repositories::users::lower,
    schema::{group_users, users},
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    expression::SqlLiteral,
    pg::Pg,
    prelude::*,
    sql_types::{Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

pub(super) type Boxed<'a> = users::BoxedQuery<'a, Pg>;

/// How the expired are looked up: their status hangs on the instant.
#[derive(Clone, Copy)]
pub(super) enum Expired<'a> {
    /// Those that a sweep has noted, in the order of their index.
    Noted,
    /// These, of which no sweep has noted it yet.
    These(&'a [UserNo]),
    /// All.
    Any,
}

/// Names without regard to case, by code point whatever collation the database has: one of a language takes accents for
/// nothing and sorts otherwise than a key's text.
pub(super) fn folded() -> SqlLiteral<Text> {
    sql("lower(users.name) COLLATE \"C\"")
}

/// Those whom a filter shows, in no order.
pub(super) fn shown<'a>(filter: &'a Filter, now: DateTime<Utc>, expired: Expired<'a>) -> Boxed<'a> {
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
    query = match (filter.status, expired) {
        // of those that a sweep noted nearly all are: a plain comparison would be taken for a rare one, and sorted
        (Some(Status::Expired), Expired::Noted) => query.filter(
            sql::<Bool>("users.expires_at - ")
                .bind::<Timestamptz, _>(now)
                .sql(" <= interval '0'"),
        ),
        (Some(Status::Expired), _) => query.filter(users::expires_at.le(now)),
        // those who expired since the last sweep are expired
        (Some(Status::Active | Status::Limited | Status::OnHold), _) => {
            query.filter(users::expires_at.is_null().or(users::expires_at.gt(now)))
        }
        _ => query,
    };
    query = named(query, filter);
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

/// What the index of the order holds together for a filter, whatever else this asks for: a walk along it reads no row.
pub(super) fn held(filter: &Filter) -> Boxed<'_> {
    let mut query = users::table.into_boxed();
    query = match filter.status {
        None => query.filter(users::deleted_at.is_null()),
        Some(status) => query.filter(users::standing.eq(status.as_str())),
    };
    match filter.sort {
        Sort::ExpiresAt => query.filter(users::expires_at.is_not_null()),
        Sort::Name => named(query, filter),
        _ => query,
    }
}

fn named<'a>(query: Boxed<'a>, filter: &'a Filter) -> Boxed<'a> {
    let Some(prefix) = &filter.prefix else {
        return query;
    };
    // a range and not LIKE: the index of the order serves it
    let upto = format!("{prefix}\u{10ffff}");
    query
        .filter(folded().ge(lower(prefix)))
        .filter(folded().lt(lower(upto)))
}

/// From where the page begins, in its order.
pub(super) fn ordered<'a>(query: Boxed<'a>, filter: &'a Filter) -> Boxed<'a> {
    let query = match filter.sort {
        Sort::Id => query.order(users::id),
        Sort::Name => query.order(folded()),
        Sort::CreatedAt => query.order((users::created_at, users::id)),
        Sort::ExpiresAt => query.order((users::expires_at, users::id)),
        Sort::Number => query.order(users::number),
    };
    beyond(query, filter)
}

/// From where the page begins, in no order.
pub(super) fn beyond<'a>(query: Boxed<'a>, filter: &'a Filter) -> Boxed<'a> {
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

/// A row with its place in the order, in which names are as the database compares them.
pub(super) type Placed = (After, User);

/// These rows, each with its place.
pub(super) async fn placed(
    conn: &mut AsyncPgConnection,
    query: Boxed<'_>,
    sort: Sort,
) -> QueryResult<Vec<Placed>> {
    let rows: Vec<(User, String)> = query
        .select((User::as_select(), folded()))
        .load(conn)
        .await?;
    let place = |(user, name): (User, String)| match sort {
        Sort::Name => (After::Name(name), user),
        _ => (After::row(sort, &user), user),
    };
    Ok(rows.into_iter().map(place).collect())
}

/// The first of those that a filter shows.
pub(super) async fn load(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    now: DateTime<Utc>,
    expired: Expired<'_>,
) -> QueryResult<Vec<Placed>> {
    let query = ordered(shown(filter, now, expired), filter).limit(filter.limit);
    placed(conn, query, filter.sort).await
}
