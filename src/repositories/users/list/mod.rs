//! Pages of accounts. Every order has an index for all live accounts and one for each status, so that a page costs the
//! same wherever it lies; a group's members come in the order in which they were made. What no index serves is found by
//! `walk`, which looks at so many rows and no more.
mod rows;
mod walk;

use super::lapses;
use crate::models::{GroupNo, Status, User, storable};
use chrono::{DateTime, Utc};
use diesel::{dsl::sql, prelude::*, sql_types::Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use rows::{Expired, Placed, folded, load, shown};
use serde::{Deserialize, Serialize};
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

impl Filter {
    /// Whether an index holds just the rows that this shows, in just this order.
    fn is_indexed(&self) -> bool {
        self.group.is_none() && (self.prefix.is_none() || self.sort == Sort::Name)
    }
}

/// One page.
#[derive(Clone, Debug)]
pub struct Listed {
    pub users: Vec<User>,
    /// Where to go on although the page is not full: so many rows were looked at that the next request shall look at more.
    pub rest: Option<After>,
}

/// One page of accounts that are not erased.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    now: DateTime<Utc>,
) -> QueryResult<Listed> {
    let (mut page, rest) = if filter.is_indexed() {
        (load(conn, filter, now, Expired::Noted).await?, None)
    } else {
        walk::walk(conn, filter, now).await?
    };
    if filter.status == Some(Status::Expired) {
        let lapsing = lapses::lapsing(conn, now).await?;
        if !lapsing.is_empty() {
            let late = load(conn, filter, now, Expired::These(&lapsing)).await?;
            // as far as the page reaches
            let here = |(at, _): &Placed| rest.as_ref().is_none_or(|rest| at <= rest);
            page.extend(late.into_iter().filter(here));
            page.sort_by(|(a, one), (b, other)| (a, one.number).cmp(&(b, other.number)));
            // a sweep may have noted one between the two
            page.dedup_by_key(|(_, user)| user.number);
            page.truncate(usize::try_from(filter.limit).unwrap_or(0));
        }
    }
    Ok(Listed {
        users: page.into_iter().map(|(_, user)| user).collect(),
        rest,
    })
}

/// How many a filter shows in all; `most` stands for that many or more.
pub async fn count(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
    most: i64,
    now: DateTime<Utc>,
) -> QueryResult<i64> {
    let mut query = shown(filter, now, Expired::Any).limit(most);
    if filter.group.is_none() && filter.prefix.is_some() {
        // along the names: where few begin like this, the database may else read all rows to find so many
        query = query.order(folded());
    }
    let some: Vec<i32> = query.select(sql::<Integer>("1")).load(conn).await?;
    Ok(i64::try_from(some.len()).unwrap_or(most))
}
