//! What was counted, read for people. What writes it is accounting's (`usage`, `connections`).
use crate::{
    models::{DeviceId, DeviceNo, NodeId, NodeNo, UserId, UserNo},
    schema::{connections, devices, nodes, users},
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;

/// Whose bytes, and of which time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub user: Option<UserNo>,
    pub device: Option<DeviceNo>,
    pub node: Option<NodeNo>,
    /// From this hour on; `None`: from the beginning.
    pub from: Option<DateTime<Utc>>,
    /// Up to this hour, which is not counted any more; `None`: up to now.
    pub to: Option<DateTime<Utc>>,
}

/// Bytes of one user, device or node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, QueryableByName)]
pub struct Bytes {
    /// The compact number that they are grouped by; 0 for all.
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = BigInt)]
    pub tx: i64,
    #[diesel(sql_type = BigInt)]
    pub rx: i64,
}

/// By what bytes are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    All,
    User,
    Device,
    Node,
}

/// The largest sums first, at most `limit` of them; all in one when by nothing.
pub async fn sums(
    conn: &mut AsyncPgConnection,
    span: &Span,
    by: By,
    limit: i64,
) -> QueryResult<Vec<Bytes>> {
    let column = match by {
        By::All => "0::int8",
        By::User => "user_no",
        By::Device => "device_no",
        By::Node => "node_no",
    };
    // whole lives stand in totals; else the hours, and the days of months whose hours retention has dropped
    let whole = span.from.is_none() && span.to.is_none();
    let source = if whole {
        "(SELECT user_no, device_no, node_no, 'epoch'::timestamptz AS hour, tx, rx FROM usage_totals)"
    } else {
        "(SELECT user_no, device_no, node_no, hour, tx, rx FROM usage_hourly
          UNION ALL
          SELECT user_no, device_no, node_no, day::timestamp AT TIME ZONE 'UTC', tx, rx FROM usage_daily d
          WHERE NOT EXISTS (SELECT FROM usage_hourly h
            WHERE h.user_no = d.user_no AND h.device_no = d.device_no AND h.node_no = d.node_no
              AND h.hour >= d.day::timestamp AT TIME ZONE 'UTC'
              AND h.hour < (d.day + 1)::timestamp AT TIME ZONE 'UTC'))"
    };
    // a condition that is not asked for is left out, so that the plan uses the key's index
    let is = |given: bool, column: &str, place: u8, kind: &str, how: &str| {
        if given {
            format!("{column} {how} ${place}")
        } else {
            format!("${place}::{kind} IS NULL")
        }
    };
    let conditions = [
        is(span.user.is_some(), "user_no", 1, "int8", "="),
        is(span.device.is_some(), "device_no", 2, "int8", "="),
        is(span.node.is_some(), "node_no", 3, "int8", "="),
        is(span.from.is_some(), "hour", 4, "timestamptz", ">="),
        is(span.to.is_some(), "hour", 5, "timestamptz", "<"),
    ]
    .join(" AND ");
    sql_query(format!(
        "SELECT {column} AS number, least(sum(tx), 1::int8 << 62)::int8 AS tx, least(sum(rx), 1::int8 << 62)::int8 AS rx
         FROM {source} AS u WHERE {conditions}
         GROUP BY 1 ORDER BY sum(tx) + sum(rx) DESC, 1 LIMIT $6"
    ))
    .bind::<Nullable<BigInt>, _>(span.user.map(|n| n.0))
    .bind::<Nullable<BigInt>, _>(span.device.map(|n| n.0))
    .bind::<Nullable<BigInt>, _>(span.node.map(|n| n.0))
    .bind::<Nullable<Timestamptz>, _>(span.from)
    .bind::<Nullable<Timestamptz>, _>(span.to)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// A connection with the names that its view needs.
#[derive(Clone, Debug, Queryable)]
pub struct Connection {
    pub id: String,
    pub user: Option<(UserId, String)>,
    pub device: Option<(DeviceId, String)>,
    pub node: Option<(NodeId, String)>,
    pub bytes: Counters,
    pub client_addr: Option<IpNet>,
    pub admitted_at: Option<DateTime<Utc>>,
    pub online_at: Option<DateTime<Utc>>,
    pub kicked_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// A connection's counters; a direction's total is base + prev + cur.
#[derive(Clone, Copy, Debug, Queryable, Selectable)]
#[diesel(table_name = connections, check_for_backend(diesel::pg::Pg))]
pub struct Counters {
    base_tx: i64,
    prev_tx: i64,
    cur_tx: i64,
    base_rx: i64,
    prev_rx: i64,
    cur_rx: i64,
}

impl Counters {
    /// Upload.
    pub fn tx(&self) -> i64 {
        self.base_tx
            .saturating_add(self.prev_tx)
            .saturating_add(self.cur_tx)
    }
    /// Download.
    pub fn rx(&self) -> i64 {
        self.base_rx
            .saturating_add(self.prev_rx)
            .saturating_add(self.cur_rx)
    }
}

/// Which connections, and from where on.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub user: Option<UserNo>,
    pub device: Option<DeviceNo>,
    pub node: Option<NodeNo>,
    /// Ended ones too; else only those that are online.
    pub all: bool,
    pub after: Option<String>,
    pub limit: i64,
}

/// One page of connections, by id.
pub async fn connections(
    conn: &mut AsyncPgConnection,
    filter: &Filter,
) -> QueryResult<Vec<Connection>> {
    let mut query = connections::table
        .left_join(users::table.on(users::number.eq(connections::user_no)))
        .left_join(devices::table.on(devices::number.eq(connections::device_no)))
        .left_join(nodes::table.on(nodes::number.eq(connections::node_no)))
        .select((
            connections::id,
            (users::id, users::name).nullable(),
            (devices::id, devices::name).nullable(),
            (nodes::id, nodes::name).nullable(),
            Counters::as_select(),
            connections::client_addr,
            connections::admitted_at,
            connections::online_at,
            connections::kicked_at,
            connections::ended_at,
        ))
        .order(connections::id)
        .limit(filter.limit)
        .into_boxed();
    if !filter.all {
        query = query
            .filter(connections::ended_at.is_null())
            .filter(connections::online_at.is_not_null());
    }
    if let Some(user) = filter.user {
        query = query.filter(connections::user_no.eq(user));
    }
    if let Some(device) = filter.device {
        query = query.filter(connections::device_no.eq(device));
    }
    if let Some(node) = filter.node {
        query = query.filter(connections::node_no.eq(node));
    }
    if let Some(after) = &filter.after {
        query = query.filter(connections::id.gt(after));
    }
    query.load(conn).await
}

/// A connection that is to be kicked.
#[derive(Clone, Debug, QueryableByName)]
pub struct Kicked {
    #[diesel(sql_type = BigInt, column_name = node_no)]
    pub node: NodeNo,
    #[diesel(sql_type = BigInt, column_name = user_no)]
    pub user: UserNo,
    #[diesel(sql_type = BigInt, column_name = device_no)]
    pub device: DeviceNo,
    #[diesel(sql_type = Text)]
    pub id: String,
}

/// Marks open connections: the readers of their nodes kick whatever is marked. Locked in the order of their ids, as every
/// writer does.
pub async fn mark_kicked(
    conn: &mut AsyncPgConnection,
    device: Option<DeviceNo>,
    node: Option<NodeNo>,
    at: DateTime<Utc>,
) -> QueryResult<Vec<Kicked>> {
    let (which, number) = match (device, node) {
        // the index is by user
        (Some(device), _) => (
            "user_no = (SELECT user_no FROM devices WHERE number = $1) AND device_no = $1",
            device.0,
        ),
        (None, Some(node)) => ("node_no = $1 AND online_at IS NOT NULL", node.0),
        (None, None) => return Ok(Vec::new()),
    };
    sql_query(format!(
        "WITH locked AS (
            SELECT id FROM connections WHERE {which} AND ended_at IS NULL AND kicked_at IS NULL
            ORDER BY id COLLATE \"C\" FOR UPDATE
         )
         UPDATE connections c SET kicked_at = $2 FROM locked l WHERE c.id = l.id
         RETURNING c.node_no, c.user_no, c.device_no, c.id"
    ))
    .bind::<BigInt, _>(number)
    .bind::<Timestamptz, _>(at)
    .load(conn)
    .await
}

/// Empties the client addresses of a user that is being erased, in the same order.
pub async fn forget_addresses(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<usize> {
    sql_query(
        "WITH locked AS (
            SELECT id FROM connections WHERE user_no = $1 AND client_addr IS NOT NULL
            ORDER BY id COLLATE \"C\" FOR UPDATE
         )
         UPDATE connections c SET client_addr = NULL FROM locked l WHERE c.id = l.id",
    )
    .bind::<BigInt, _>(user)
    .execute(conn)
    .await
}
