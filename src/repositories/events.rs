//! What happened, for everybody who wants to know: the row and its place in the outbox, in one transaction.
use super::changes::snapshot;
use crate::{
    models::{DeviceNo, NodeNo, Severity, UserNo, storable},
    schema::{events, outbox},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event to be written. `data` never holds a secret.
#[derive(Debug, Insertable)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg))]
pub struct NewEvent<'a> {
    /// `noun.happened`, such as `user.limited`.
    pub kind: &'static str,
    pub severity: Severity,
    /// Who caused it: a principal, or the part of the program.
    pub actor: &'a str,
    #[diesel(column_name = user_no)]
    pub user: Option<UserNo>,
    #[diesel(column_name = device_no)]
    pub device: Option<DeviceNo>,
    #[diesel(column_name = node_no)]
    pub node: Option<NodeNo>,
    pub data: Value,
    pub at: DateTime<Utc>,
}

/// Writes an event and its outbox row.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewEvent<'_>) -> QueryResult<()> {
    insert_all(conn, std::slice::from_ref(new)).await
}

/// Writes many events and their outbox rows.
pub async fn insert_all(conn: &mut AsyncPgConnection, new: &[NewEvent<'_>]) -> QueryResult<()> {
    // eight binds a row, of 65,535
    for part in new.chunks(5_000) {
        let written: Vec<(i64, DateTime<Utc>)> = diesel::insert_into(events::table)
            .values(part)
            .returning((events::number, events::at))
            .get_results(conn)
            .await?;
        let rows: Vec<_> = written
            .into_iter()
            .map(|(number, at)| (outbox::event.eq(number), outbox::at.eq(at)))
            .collect();
        diesel::insert_into(outbox::table)
            .values(rows)
            .execute(conn)
            .await?;
    }
    Ok(())
}

/// A row of `events`.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg))]
pub struct Event {
    pub number: i64,
    pub kind: String,
    pub severity: Severity,
    pub actor: String,
    pub user_no: Option<UserNo>,
    pub device_no: Option<DeviceNo>,
    pub node_no: Option<NodeNo>,
    pub data: Value,
    pub at: DateTime<Utc>,
}

/// How far a follower is. Numbers commit out of order, so it remembers snapshots: what one does not see, the next does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Place {
    /// Everything that this snapshot sees was delivered.
    seen: String,
    /// When that was; nothing that is much older can still commit.
    at: DateTime<Utc>,
    /// Of a batch larger than a page: the snapshot it ends with, and the last number delivered of it.
    within: Option<(String, i64)>,
}

/// A place as a follower gives it back.
#[derive(Deserialize)]
struct Written {
    seen: String,
    #[serde(deserialize_with = "storable")]
    at: DateTime<Utc>,
    within: Option<(String, i64)>,
}

impl TryFrom<Written> for Place {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { seen, at, within } = written;
        let upto = within.as_ref().map(|(upto, _)| upto);
        if !std::iter::once(&seen).chain(upto).all(|it| is_snapshot(it)) {
            return Err("is no snapshot");
        }
        Ok(Self { seen, at, within })
    }
}

/// Whether the database takes it for a snapshot: `xmin:xmax:` and what was under way between them, in order.
fn is_snapshot(text: &str) -> bool {
    let number = |part: &str| -> Option<i64> {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|it| digits && *it > 0)
    };
    let parts: Vec<&str> = text.split(':').collect();
    let &[xmin, xmax, open] = parts.as_slice() else {
        return false;
    };
    let (Some(xmin), Some(xmax)) = (number(xmin), number(xmax)) else {
        return false;
    };
    let open: Option<Vec<i64>> = match open {
        "" => Some(Vec::new()),
        open => open.split(',').map(number).collect(),
    };
    xmin <= xmax
        && open.is_some_and(|open| {
            open.iter().all(|it| (xmin..xmax).contains(it)) && open.is_sorted_by(|a, b| a < b)
        })
}

impl Place {
    /// Before everything.
    pub fn start() -> Self {
        Self {
            seen: "1:1:".to_owned(),
            at: DateTime::UNIX_EPOCH,
            within: None,
        }
    }
}

/// How long a transaction may stay open and still be followed; statements end far earlier.
const LONGEST_TRANSACTION: TimeDelta = TimeDelta::hours(1);

/// The newest events, oldest first, and the place after them.
pub async fn latest(
    conn: &mut AsyncPgConnection,
    limit: i64,
    now: DateTime<Utc>,
) -> QueryResult<(Vec<Event>, Place)> {
    let seen = snapshot(conn).await?;
    let mut events = Event::query()
        .filter(
            sql::<Bool>("pg_visible_in_snapshot(xid::text::xid8, ")
                .bind::<Text, _>(&seen)
                .sql("::pg_snapshot)"),
        )
        .order(events::number.desc())
        .limit(limit)
        .load(conn)
        .await?;
    events.reverse();
    let place = Place {
        seen,
        at: now,
        within: None,
    };
    Ok((events, place))
}

/// The events after a place, each exactly once whatever order they committed in, and the place after them.
pub async fn after(
    conn: &mut AsyncPgConnection,
    place: &Place,
    limit: i64,
    now: DateTime<Utc>,
) -> QueryResult<(Vec<Event>, Place)> {
    let (upto, number) = match &place.within {
        Some((upto, number)) => (upto.clone(), *number),
        None => (snapshot(conn).await?, 0),
    };
    let mut page: Vec<Event> = Event::query()
        .filter(events::at.ge(place.at - LONGEST_TRANSACTION))
        .filter(events::number.gt(number))
        .filter(
            sql::<Bool>("xid >= pg_snapshot_xmin(")
                .bind::<Text, _>(&place.seen)
                .sql("::pg_snapshot)::text::int8"),
        )
        .filter(
            sql::<Bool>("NOT pg_visible_in_snapshot(xid::text::xid8, ")
                .bind::<Text, _>(&place.seen)
                .sql("::pg_snapshot)"),
        )
        .filter(
            sql::<Bool>("pg_visible_in_snapshot(xid::text::xid8, ")
                .bind::<Text, _>(&upto)
                .sql("::pg_snapshot)"),
        )
        .order(events::number)
        .limit(limit + 1)
        .load(conn)
        .await?;
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = page.len() > limit;
    page.truncate(limit);
    let next = match page.last() {
        Some(last) if more => Place {
            within: Some((upto, last.number)),
            ..place.clone()
        },
        _ => Place {
            seen: upto,
            at: now,
            within: None,
        },
    };
    Ok((page, next))
}
