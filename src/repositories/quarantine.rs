//! Counters that were read and not credited: held here until an admin decides, or a later read heals them.
use crate::{
    models::{NodeNo, word::words},
    schema::quarantine,
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// Ids are cut at this length.
pub const ID_LEN: usize = 200;

words!(/** Why counters were held. */ Reason {
    /** The id is none of this node's. */ Mac = "mac",
    /** Over 2^50, or not readable at all. */ Shape = "shape",
    /** They did not start again although the map seemed emptied. */ Doubt = "doubt",
    /** More than the line can carry. */ Implausible = "implausible",
    /** Of a generation that can no longer be merged. */ OldGeneration = "old_generation",
    /** A clean-up's answer of which nobody can say what it is a read of. */ LateClear = "late_clear",
    /** The database refused it. */ Poison = "poison",
});

words!(/** What became of held counters. */ Resolution {
    /** Merged by an admin. */ Credited = "credited",
    /** Given up by an admin. */ Dropped = "dropped",
    /** A later read was plausible and held them all. */ Healed = "healed",
});

/// One entry to be held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub id: Box<str>,
    pub generation: i64,
    pub reason: Reason,
    pub tx: i64,
    pub rx: i64,
}

/// A row of `quarantine`.
#[derive(Clone, Debug, HasQuery)]
#[diesel(table_name = quarantine, check_for_backend(diesel::pg::Pg))]
pub struct Quarantined {
    pub number: i64,
    pub node_no: NodeNo,
    pub connection_id: String,
    pub generation: i64,
    pub reason: Reason,
    pub tx: i64,
    pub rx: i64,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
    pub resolution: Option<Resolution>,
}

/// What the column takes of an id.
fn cut(id: &str) -> &str {
    let mut end = id.len().min(ID_LEN);
    while !id.is_char_boundary(end) {
        end -= 1;
    }
    id.get(..end).unwrap_or_default()
}

/// Holds entries; gives how many found room: `cap` open ones a node and reason, what comes beyond is only counted. Held again, an entry keeps the larger counters, and is open again if they
/// grew since it was resolved.
pub async fn hold(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    holds: &[Hold],
    cap: i64,
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    if holds.is_empty() {
        return Ok(0);
    }
    // NUL is text in JSON but not in the database
    let ids: Vec<String> = holds
        .iter()
        .map(|h| cut(&h.id).replace('\0', "\u{fffd}"))
        .collect();
    sql_query(include_str!("sql/hold.sql"))
        .bind::<BigInt, _>(node)
        .bind::<BigInt, _>(cap)
        .bind::<Timestamptz, _>(at)
        .bind::<Array<Text>, _>(ids)
        .bind::<Array<BigInt>, _>(holds.iter().map(|h| h.generation).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(holds.iter().map(|h| h.reason.as_str()).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(holds.iter().map(|h| h.tx).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(holds.iter().map(|h| h.rx).collect::<Vec<_>>())
        .execute(conn)
        .await
}

/// Resolves implausible entries that a credited read has reached.
pub async fn heal(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    ids: &[&str],
    at: DateTime<Utc>,
) -> QueryResult<usize> {
    sql_query(include_str!("sql/heal.sql"))
        .bind::<BigInt, _>(node)
        .bind::<Array<Text>, _>(ids.to_vec())
        .bind::<Timestamptz, _>(at)
        .execute(conn)
        .await
}

/// The entries after `after`, newest last.
pub async fn list(
    conn: &mut AsyncPgConnection,
    node: Option<NodeNo>,
    open: bool,
    after: i64,
    limit: i64,
) -> QueryResult<Vec<Quarantined>> {
    let mut query = Quarantined::query()
        .filter(quarantine::number.gt(after))
        .order(quarantine::number)
        .limit(limit)
        .into_boxed();
    if let Some(node) = node {
        query = query.filter(quarantine::node_no.eq(node));
    }
    if open {
        query = query.filter(quarantine::resolved_at.is_null());
    }
    query.load(conn).await
}

/// One entry.
pub async fn find(conn: &mut AsyncPgConnection, number: i64) -> QueryResult<Option<Quarantined>> {
    Quarantined::query()
        .filter(quarantine::number.eq(number))
        .first(conn)
        .await
        .optional()
}

/// Decides about an open entry; `false`: somebody else did.
pub async fn resolve(
    conn: &mut AsyncPgConnection,
    number: i64,
    resolution: Resolution,
    at: DateTime<Utc>,
) -> QueryResult<bool> {
    let changed = diesel::update(
        quarantine::table
            .filter(quarantine::number.eq(number))
            .filter(quarantine::resolved_at.is_null()),
    )
    .set((
        quarantine::resolved_at.eq(at),
        quarantine::resolution.eq(resolution),
    ))
    .execute(conn)
    .await?;
    Ok(changed == 1)
}

/// Removes entries that were decided before `before`.
pub async fn delete_resolved(
    conn: &mut AsyncPgConnection,
    before: DateTime<Utc>,
) -> QueryResult<usize> {
    diesel::delete(quarantine::table.filter(quarantine::resolved_at.lt(before)))
        .execute(conn)
        .await
}
