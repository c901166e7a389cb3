//! Who reads a node and how far that is. The row of `node_readings` is lease and fence in one.
use crate::{
    models::{InstanceId, NodeNo, NodeReading},
    schema::node_readings,
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Double, Nullable, Text, Uuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

/// A lease that this instance holds. Whoever takes it over raises the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct Lease {
    #[diesel(sql_type = BigInt)]
    #[diesel(column_name = node_no)]
    pub node: NodeNo,
    #[diesel(sql_type = BigInt)]
    pub epoch: i64,
}

fn seconds(ttl: TimeDelta) -> f64 {
    ttl.as_seconds_f64()
}

/// One round of leasing: gives a sign of life, keeps what is held, gives back what is more than a fair share, and takes
/// what is free up to it. `alone`: no other instance lives, so whatever another holds is free.
pub async fn lease(
    conn: &mut AsyncPgConnection,
    me: InstanceId,
    ttl: TimeDelta,
    alone: bool,
) -> QueryResult<Vec<Lease>> {
    sql_query(include_str!("sql/lease_insert.sql"))
        .execute(conn)
        .await?;
    sql_query(include_str!("sql/lease_sign.sql"))
        .bind::<Uuid, _>(me)
        .bind::<Double, _>(seconds(ttl))
        .execute(conn)
        .await?;
    sql_query(include_str!("sql/lease_keep.sql"))
        .bind::<Uuid, _>(me)
        .bind::<Double, _>(seconds(ttl))
        .execute(conn)
        .await?;
    sql_query(include_str!("sql/lease_take.sql"))
        .bind::<Uuid, _>(me)
        .bind::<Double, _>(seconds(ttl))
        .bind::<Bool, _>(alone)
        .execute(conn)
        .await?;
    sql_query("SELECT node_no, epoch FROM node_readings WHERE holder = $1 AND held_until > clock_timestamp() ORDER BY node_no")
        .bind::<Uuid, _>(me)
        .load(conn)
        .await
}

/// Gives back all that an instance holds, so that others need not wait for the leases to run out.
pub async fn release(conn: &mut AsyncPgConnection, me: InstanceId) -> QueryResult<usize> {
    sql_query("WITH gone AS (DELETE FROM readers WHERE instance = $1) UPDATE node_readings SET holder = NULL, held_until = NULL WHERE holder = $1")
        .bind::<Uuid, _>(me)
        .execute(conn)
        .await
}

/// Whether a lease still stands, for a while to come.
pub async fn is_held(
    conn: &mut AsyncPgConnection,
    lease: Lease,
    for_another: TimeDelta,
) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Held {
        #[diesel(sql_type = Bool)]
        held: bool,
    }
    let row: Option<Held> = sql_query("SELECT held_until > clock_timestamp() + make_interval(secs => $3) AS held FROM node_readings WHERE node_no = $1 AND epoch = $2 AND held_until IS NOT NULL")
        .bind::<BigInt, _>(lease.node)
        .bind::<BigInt, _>(lease.epoch)
        .bind::<Double, _>(seconds(for_another))
        .get_result(conn)
        .await
        .optional()?;
    Ok(row.is_some_and(|r| r.held))
}

/// How far a node is read.
pub async fn find(conn: &mut AsyncPgConnection, node: NodeNo) -> QueryResult<Option<NodeReading>> {
    NodeReading::query()
        .filter(node_readings::node_no.eq(node))
        .first(conn)
        .await
        .optional()
}

/// The fence: locks a node's row against every other merge, and says how far it is.
pub async fn lock(conn: &mut AsyncPgConnection, node: NodeNo) -> QueryResult<Option<NodeReading>> {
    NodeReading::query()
        .filter(node_readings::node_no.eq(node))
        .for_update()
        .first(conn)
        .await
        .optional()
}

/// What a merged read leaves in the node's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub generation: i64,
    pub doubtful: i64,
    pub read_at: DateTime<Utc>,
    pub entries: i32,
    /// Ids held in doubt by this merge.
    pub doubts: i64,
    /// The read was the answer of our own clean-up.
    pub cleaned: bool,
}

/// Notes a merged read. The row must be locked.
pub async fn update(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    progress: Progress,
) -> QueryResult<()> {
    let row = node_readings::table.filter(node_readings::node_no.eq(node));
    diesel::update(row)
        .set((
            node_readings::generation.eq(progress.generation),
            node_readings::doubtful_generation.eq(progress.doubtful),
            node_readings::read_at.eq(progress.read_at),
            node_readings::entries.eq(progress.entries),
            node_readings::doubts.eq(node_readings::doubts + progress.doubts),
            progress
                .cleaned
                .then(|| node_readings::cleaned_at.eq(progress.read_at)),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes a report that was merged past the node's reader: whatever that one is reading right now may be older than what
/// is known since, and would look like an emptied map. Its epoch ends, and the next read begins after this.
pub async fn unseat(conn: &mut AsyncPgConnection, node: NodeNo, doubts: i64) -> QueryResult<()> {
    diesel::update(node_readings::table.filter(node_readings::node_no.eq(node)))
        .set((
            node_readings::doubts.eq(node_readings::doubts + doubts),
            node_readings::epoch.eq(node_readings::epoch + 1),
            node_readings::holder.eq(None::<InstanceId>),
            node_readings::held_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// How a node's stats API fares; only its holder may say. `false`: somebody else holds the lease by now.
pub async fn update_health(
    conn: &mut AsyncPgConnection,
    lease: Lease,
    failing_since: Option<DateTime<Utc>>,
    error: Option<&str>,
    reported: bool,
) -> QueryResult<bool> {
    let changed = diesel::update(
        node_readings::table
            .filter(node_readings::node_no.eq(lease.node))
            .filter(node_readings::epoch.eq(lease.epoch)),
    )
    .set((
        node_readings::failing_since.eq(failing_since),
        node_readings::error.eq(error),
        node_readings::unreadable_reported.eq(reported),
    ))
    .execute(conn)
    .await?;
    Ok(changed == 1)
}

/// Two nodes, one server: whose ids were seen in this node's answer.
pub async fn update_shared(
    conn: &mut AsyncPgConnection,
    lease: Lease,
    with: Option<NodeNo>,
) -> QueryResult<bool> {
    let changed = sql_query("UPDATE node_readings SET shared_with = $3 WHERE node_no = $1 AND epoch = $2 AND shared_with IS DISTINCT FROM $3")
        .bind::<BigInt, _>(lease.node)
        .bind::<BigInt, _>(lease.epoch)
        .bind::<Nullable<BigInt>, _>(with)
        .execute(conn)
        .await?;
    Ok(changed == 1)
}

/// What a reader must know of the node that it reads.
#[derive(Clone, Debug, QueryableByName)]
pub struct Source {
    #[diesel(sql_type = BigInt)]
    pub number: NodeNo,
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = Text)]
    pub stats_url: String,
    #[diesel(sql_type = diesel::sql_types::Bytea)]
    pub stats_secret_sealed: Vec<u8>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub line_rate: Option<i64>,
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    #[diesel(sql_type = Bool)]
    pub draining: bool,
    #[diesel(sql_type = Bool)]
    pub requires_stats: bool,
}

/// The nodes to be read among these.
pub async fn list_sources(
    conn: &mut AsyncPgConnection,
    nodes: &[NodeNo],
) -> QueryResult<Vec<Source>> {
    sql_query(include_str!("sql/list_sources.sql"))
        .bind::<Array<BigInt>, _>(nodes.iter().map(|n| n.0).collect::<Vec<_>>())
        .load(conn)
        .await
}

/// Deletes a drained node, if its reader still holds the lease. Its generation moves on by two, so that its connections'
/// rows can go in time. Gives its id; `None`: it is not draining any more, or somebody else reads it.
pub async fn delete_drained(
    conn: &mut AsyncPgConnection,
    lease: Lease,
    at: DateTime<Utc>,
) -> QueryResult<Option<uuid::Uuid>> {
    #[derive(QueryableByName)]
    struct Deleted {
        #[diesel(sql_type = Uuid)]
        id: uuid::Uuid,
    }
    let deleted: Option<Deleted> = sql_query(include_str!("sql/delete_drained.sql"))
        .bind::<BigInt, _>(lease.node)
        .bind::<BigInt, _>(lease.epoch)
        .bind::<diesel::sql_types::Timestamptz, _>(at)
        .get_result(conn)
        .await
        .optional()?;
    Ok(deleted.map(|node| node.id))
}

/// Ends the reading of a node that is given up: whoever reads it merges nothing more, and its connections' rows can go in
/// time.
pub async fn close(conn: &mut AsyncPgConnection, node: NodeNo) -> QueryResult<()> {
    let further = node_readings::generation + 2;
    diesel::update(node_readings::table.filter(node_readings::node_no.eq(node)))
        .set((
            node_readings::generation.eq(further),
            node_readings::doubtful_generation.eq(further),
            node_readings::holder.eq(None::<InstanceId>),
            node_readings::held_until.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}
