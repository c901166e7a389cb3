//! Pages of who did what, newest first.
use super::Entry;
use crate::{
    models::{UserNo, storable},
    schema::audit,
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    pg::Pg,
    prelude::*,
    sql_types::{BigInt, Bool, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};

/// Which rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub principal: Option<String>,
    /// The whole action, or its noun with a dot: `user.`.
    pub action: Option<String>,
    pub subject: Option<String>,
    pub user: Option<UserNo>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// Only rows before this one.
    pub before: Option<Before>,
    pub limit: i64,
}

/// A row's place in the order of time: when, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before(
    #[serde(deserialize_with = "storable")] pub DateTime<Utc>,
    pub i64,
);

/// Rows of its rarest filter that a page looks at.
const MOST: i64 = 2_000;

impl Filter {
    /// The same with each of its filters alone. Every one has its index in the order of time, which a span narrows further.
    fn alone(&self) -> Vec<Self> {
        let none = Self {
            principal: None,
            action: None,
            subject: None,
            user: None,
            ..self.clone()
        };
        let mut alone = vec![
            Self {
                principal: self.principal.clone(),
                ..none.clone()
            },
            Self {
                action: self.action.clone(),
                ..none.clone()
            },
            Self {
                subject: self.subject.clone(),
                ..none.clone()
            },
            Self {
                user: self.user,
                ..none.clone()
            },
        ];
        alone.retain(|one| *one != none);
        alone
    }
}

/// One page, newest first; and where to go on if it is not full although more may follow: where two filters hardly meet, a
/// page reaches as far back as the rarest of them does in so many rows.
pub async fn list(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
) -> QueryResult<(Vec<Entry>, Option<Before>)> {
    let reach = reach(conn, filter).await?;
    let mut query = newest(shown(filter));
    if let Some((at, number)) = reach {
        query = query.filter(place(">=", at, number));
    }
    let page: Vec<Entry> = query
        .limit(filter.limit)
        .select(Entry::as_select())
        .load(conn)
        .await?;
    let is_full = i64::try_from(page.len()).is_ok_and(|n| n >= filter.limit);
    let rest = reach.filter(|_| !is_full);
    Ok((page, rest.map(|(at, number)| Before(at, number))))
}

/// To where the rarest of several filters alone has shown so many rows.
async fn reach(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
) -> QueryResult<Option<(DateTime<Utc>, i64)>> {
    let alone = filter.alone();
    if alone.len() < 2 {
        return Ok(None);
    }
    let mut reach = None;
    for one in &alone {
        let far: Option<(DateTime<Utc>, i64)> = newest(shown(one))
            .select((audit::at, audit::number))
            .offset(MOST)
            .first(conn)
            .await
            .optional()?;
        let Some(far) = far else {
            // what it shows is few
            return Ok(None);
        };
        reach = Some(reach.map_or(far, |other| far.min(other)));
    }
    Ok(reach)
}

type Boxed<'a> = audit::BoxedQuery<'a, Pg>;

fn newest(query: Boxed<'_>) -> Boxed<'_> {
    query.order((audit::at.desc(), audit::number.desc()))
}

/// Before or after a place in the order of time.
fn place(
    sign: &'static str,
    at: DateTime<Utc>,
    number: i64,
) -> Box<dyn BoxableExpression<audit::table, Pg, SqlType = Bool>> {
    Box::new(
        sql::<Bool>("(audit.at, audit.number) ")
            .sql(sign)
            .sql(" (")
            .bind::<Timestamptz, _>(at)
            .sql(", ")
            .bind::<BigInt, _>(number)
            .sql(")"),
    )
}

fn shown(filter: &Filter) -> Boxed<'_> {
    let mut query = audit::table.into_boxed();
    if let Some(principal) = &filter.principal {
        query = query.filter(audit::principal.eq(principal));
    }
    if let Some(action) = &filter.action {
        query = if let Some(noun) = action.strip_suffix('.') {
            let first = noun.split('.').next().unwrap_or_default();
            query.filter(
                sql::<Bool>("split_part(action, '.', 1) = ")
                    .bind::<Text, _>(first.to_owned())
                    .sql(" AND starts_with(action, ")
                    .bind::<Text, _>(format!("{noun}."))
                    .sql(")"),
            )
        } else {
            query.filter(audit::action.eq(action))
        };
    }
    if let Some(subject) = &filter.subject {
        query = query.filter(audit::subject.eq(subject));
    }
    if let Some(user) = filter.user {
        query = query.filter(audit::user_no.eq(user));
    }
    if let Some(from) = filter.from {
        query = query.filter(audit::at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit::at.lt(to));
    }
    if let Some(Before(at, number)) = filter.before {
        query = query.filter(place("<", at, number));
    }
    query
}
