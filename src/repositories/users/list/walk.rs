//! Pages that no index serves: two filters at once, or one in another order than its own. Where one filter shows few, those
//! are looked at, and the page is whole. Else rows are looked at in the order that is asked for, a bounded number of them: a
//! page where two large sets hardly meet comes short, or empty, and says where to go on.
use super::{
    After, Filter, Sort,
    rows::{Expired, Placed, beyond, folded, held, ordered, placed, shown},
};
use crate::{
    models::{GroupNo, UserNo},
    schema::{group_users, users},
};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// So many are looked at at once.
const FEW: i64 = 1_000;
/// Rows that one page looks for in a group: an index says which they are, and another who is in.
const MOST: i64 = 4_000;
/// Where the rows themselves are read: for a status among a group's members, for a name in another order.
const MOST_READ: i64 = 2_000;

/// A page of at most `filter.limit`, and where to go on if so many rows were looked at that the next request shall look at
/// more.
pub(super) async fn walk(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    now: DateTime<Utc>,
) -> QueryResult<(Vec<Placed>, Option<After>)> {
    if let Some(few) = few(conn, filter, now).await? {
        return Ok((of(conn, filter, few, now).await?, None));
    }
    let wanted = usize::try_from(filter.limit).unwrap_or(0);
    let most = match (filter.sort, &filter.prefix) {
        (Sort::Name, _) | (Sort::Id | Sort::CreatedAt | Sort::ExpiresAt, None) => MOST,
        _ => MOST_READ,
    };
    let mut from = filter.clone();
    let (mut page, mut looked, mut step) = (Vec::new(), 0, filter.limit);
    while looked < most {
        let row = next(conn, &from, step).await?;
        let ends = i64::try_from(row.len()).unwrap_or(i64::MAX) < step;
        let (mut numbers, keys): (Vec<UserNo>, Vec<After>) = row.into_iter().unzip();
        if let (Some(group), true) = (filter.group, filter.sort != Sort::Number) {
            numbers = among(conn, group, &numbers).await?;
        }
        if !numbers.is_empty() {
            page.extend(of(conn, filter, numbers, now).await?);
        }
        if ends || page.len() >= wanted {
            page.truncate(wanted);
            return Ok((page, None));
        }
        from.after = keys.into_iter().next_back();
        looked += step;
        // the fewer are shown, the more at once
        step = (step * 4).min(most - looked);
    }
    Ok((page, from.after))
}

/// Those that one of the filters shows, if they are few, as far as they are in the group.
async fn few(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    now: DateTime<Utc>,
) -> QueryResult<Option<Vec<UserNo>>> {
    let are_few = |found: &Vec<UserNo>| i64::try_from(found.len()).is_ok_and(|n| n <= FEW);
    let alone = filter.prefix.is_none() && filter.status.is_none();
    if let Some(group) = filter.group {
        // a group alone in its own order needs no help
        if alone && filter.sort == Sort::Number {
            return Ok(None);
        }
        let members = members(conn, group, UserNo(0), FEW + 1).await?;
        if are_few(&members) {
            return Ok(Some(members));
        }
    }
    if alone {
        return Ok(None);
    }
    let anybody = Filter {
        // an order that has an index for what is asked
        sort: match (&filter.prefix, filter.sort) {
            (Some(_), _) => Sort::Name,
            (None, Sort::Number) => Sort::Id,
            (None, sort) => sort,
        },
        after: None,
        group: None,
        ..filter.clone()
    };
    let found = ordered(shown(&anybody, now, Expired::Noted), &anybody);
    let found = found.limit(FEW + 1).select(users::number);
    let found: Vec<UserNo> = found.load(conn).await?;
    if !are_few(&found) {
        return Ok(None);
    }
    Ok(Some(match filter.group {
        Some(group) => among(conn, group, &found).await?,
        None => found,
    }))
}

/// The next rows in the order that is asked for, with their keys; of the filters only those that the order's index knows.
async fn next(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    step: i64,
) -> QueryResult<Vec<(UserNo, After)>> {
    let query = ordered(held(filter), filter).limit(step);
    let (no, id) = (users::number, users::id);
    Ok(match filter.sort {
        Sort::Id => {
            let rows: Vec<(UserNo, Uuid)> = query.select((no, id)).load(conn).await?;
            let keyed = rows.into_iter().map(|(no, id)| (no, After::Id(id)));
            keyed.collect()
        }
        Sort::Name => {
            let rows: Vec<(UserNo, String)> = query.select((no, folded())).load(conn).await?;
            let keyed = rows.into_iter().map(|(no, name)| (no, After::Name(name)));
            keyed.collect()
        }
        Sort::CreatedAt => {
            let rows = query.select((no, users::created_at, id));
            let rows: Vec<(UserNo, DateTime<Utc>, Uuid)> = rows.load(conn).await?;
            let keyed = rows
                .into_iter()
                .map(|(no, at, id)| (no, After::CreatedAt(at, id)));
            keyed.collect()
        }
        Sort::ExpiresAt => {
            let rows = query.select((no, users::expires_at.assume_not_null(), id));
            let rows: Vec<(UserNo, DateTime<Utc>, Uuid)> = rows.load(conn).await?;
            let keyed = rows
                .into_iter()
                .map(|(no, at, id)| (no, After::ExpiresAt(at, id)));
            keyed.collect()
        }
        Sort::Number => {
            let rows = match (filter.group, &filter.after) {
                (Some(group), Some(After::Number(after))) => {
                    members(conn, group, UserNo(*after), step).await?
                }
                (Some(group), _) => members(conn, group, UserNo(0), step).await?,
                (None, _) => query.select(no).load(conn).await?,
            };
            let keyed = rows.into_iter().map(|no| (no, After::Number(no.0)));
            keyed.collect()
        }
    })
}

/// The first of these whom the filters show; that they are in the group is known.
async fn of(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    numbers: Vec<UserNo>,
    now: DateTime<Utc>,
) -> QueryResult<Vec<Placed>> {
    let known = Filter {
        group: None,
        ..filter.clone()
    };
    // sorted here: asked for the first of an order, the database may walk all of it for the few that are named
    let query =
        beyond(shown(&known, now, Expired::Any), &known).filter(users::number.eq_any(numbers));
    let mut page = placed(conn, query, filter.sort).await?;
    page.sort_by(|(a, _), (b, _)| a.cmp(b));
    page.truncate(usize::try_from(filter.limit).unwrap_or(0));
    Ok(page)
}

/// The first members of a group after one of them.
async fn members(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    after: UserNo,
    limit: i64,
) -> QueryResult<Vec<UserNo>> {
    group_users::table
        .filter(group_users::group_no.eq(group))
        .filter(group_users::user_no.gt(after))
        .order(group_users::user_no)
        .limit(limit)
        .select(group_users::user_no)
        .load(conn)
        .await
}

/// Which of these are in a group.
async fn among(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    numbers: &[UserNo],
) -> QueryResult<Vec<UserNo>> {
    group_users::table
        .filter(group_users::group_no.eq(group))
        .filter(group_users::user_no.eq_any(numbers))
        .select(group_users::user_no)
        .load(conn)
        .await
}
