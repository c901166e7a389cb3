//! Reports for admins: counts, series, the first of a ranking; and usage row by row, for exports.
use crate::models::{Status, UserId};
use chrono::{DateTime, Utc};
use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Bytes of an hour or a day.
#[derive(Clone, Debug, QueryableByName)]
pub struct Point {
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub tx: i64,
    #[diesel(sql_type = BigInt)]
    pub rx: i64,
}

/// The steps of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Hour,
    Day,
}

/// Which usage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Of {
    pub user: Option<i64>,
    pub node: Option<i64>,
}

/// Bytes by hour or day, without the empty ones.
pub async fn series(
    conn: &mut AsyncPgConnection,
    step: Step,
    of: Of,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> QueryResult<Vec<Point>> {
    let (table, at, bound) = match step {
        Step::Hour => ("usage_hourly", "hour", "hour"),
        Step::Day => (
            "usage_daily",
            "day::timestamp AT TIME ZONE 'UTC'",
            "day::timestamp AT TIME ZONE 'UTC'",
        ),
    };
    sql_query(format!(
        "SELECT {at} AS at, least(sum(tx), 1::int8 << 62)::int8 AS tx, least(sum(rx), 1::int8 << 62)::int8 AS rx
         FROM {table} WHERE {bound} >= $1 AND {bound} < $2
            AND ($3::int8 IS NULL OR user_no = $3) AND ($4::int8 IS NULL OR node_no = $4)
         GROUP BY 1 ORDER BY 1"
    ))
    .bind::<Timestamptz, _>(from)
    .bind::<Timestamptz, _>(to)
    .bind::<Nullable<BigInt>, _>(of.user)
    .bind::<Nullable<BigInt>, _>(of.node)
    .load(conn)
    .await
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = Text)]
    word: String,
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Users by status, in the order of `User::status`.
pub async fn users_by_status(
    conn: &mut AsyncPgConnection,
    now: DateTime<Utc>,
) -> QueryResult<Vec<(Status, i64)>> {
    let rows: Vec<Counted> = sql_query(
        "SELECT CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN suspended_at IS NOT NULL THEN 'suspended'
            WHEN expires_at <= $1 THEN 'expired' WHEN used >= quota THEN 'limited'
            WHEN on_hold AND activated_at IS NULL THEN 'on_hold' ELSE 'active' END AS word, count(*) AS count
         FROM users WHERE erased_at IS NULL GROUP BY 1",
    )
    .bind::<Timestamptz, _>(now)
    .load(conn)
    .await?;
    let count = |status: Status| {
        let row = rows.iter().find(|row| row.word == status.as_str());
        (status, row.map_or(0, |row| row.count))
    };
    Ok(Status::ALL.iter().map(|status| count(*status)).collect())
}

/// What there is, and what waits.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize)]
pub struct Counts {
    #[diesel(sql_type = BigInt)]
    pub devices: i64,
    #[diesel(sql_type = BigInt)]
    pub blocked_devices: i64,
    #[diesel(sql_type = BigInt)]
    pub nodes: i64,
    #[diesel(sql_type = BigInt)]
    pub disabled_nodes: i64,
    #[diesel(sql_type = BigInt)]
    pub unreadable_nodes: i64,
    #[diesel(sql_type = BigInt)]
    pub alarms: i64,
    #[diesel(sql_type = BigInt)]
    pub warnings: i64,
    #[diesel(sql_type = BigInt)]
    pub quarantine: i64,
}

/// Counts for the dashboard; alarms and warnings since an instant.
pub async fn counts(conn: &mut AsyncPgConnection, since: DateTime<Utc>) -> QueryResult<Counts> {
    sql_query(
        "SELECT (SELECT count(*) FROM devices WHERE removed_at IS NULL) AS devices,
            (SELECT count(*) FROM devices WHERE removed_at IS NULL AND blocked_at IS NOT NULL) AS blocked_devices,
            (SELECT count(*) FROM nodes WHERE deleted_at IS NULL) AS nodes,
            (SELECT count(*) FROM nodes WHERE deleted_at IS NULL AND disabled_at IS NOT NULL) AS disabled_nodes,
            (SELECT count(*) FROM nodes n JOIN node_readings r ON r.node_no = n.number
                WHERE n.deleted_at IS NULL AND r.failing_since IS NOT NULL) AS unreadable_nodes,
            (SELECT count(*) FROM events WHERE at >= $1 AND severity = 'alarm') AS alarms,
            (SELECT count(*) FROM events WHERE at >= $1 AND severity = 'warning') AS warnings,
            (SELECT count(*) FROM quarantine WHERE resolved_at IS NULL) AS quarantine",
    )
    .bind::<Timestamptz, _>(since)
    .get_result(conn)
    .await
}

/// A user of a ranking.
#[derive(Clone, Debug, QueryableByName, Serialize, Deserialize)]
pub struct Ranked {
    #[diesel(sql_type = SqlUuid)]
    pub id: UserId,
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = BigInt)]
    pub used_total: i64,
    #[diesel(sql_type = BigInt)]
    pub used: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub quota: Option<i64>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub expires_at: Option<DateTime<Utc>>,
}

/// Which ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    /// Most bytes since ever.
    MostUsed,
    /// Ends soonest.
    Expiring,
    /// Nearest to its quota, from 80 percent on.
    NearQuota,
}

/// The first of a ranking.
pub async fn ranked(
    conn: &mut AsyncPgConnection,
    ranking: Ranking,
    now: DateTime<Utc>,
    limit: i64,
) -> QueryResult<Vec<Ranked>> {
    let (condition, order) = match ranking {
        Ranking::MostUsed => ("used_total > 0 AND $1 IS NOT NULL", "used_total DESC, id"),
        Ranking::Expiring => ("expires_at > $1", "expires_at, id"),
        Ranking::NearQuota => (
            "quota > 0 AND used >= quota / 5 * 4 AND used < quota AND $1 IS NOT NULL",
            "used::float8 / quota DESC, id",
        ),
    };
    sql_query(format!(
        "SELECT id, name, used_total, used, quota, expires_at FROM users
         WHERE deleted_at IS NULL AND {condition} ORDER BY {order} LIMIT $2"
    ))
    .bind::<Timestamptz, _>(now)
    .bind::<BigInt, _>(limit)
    .load(conn)
    .await
}

/// What a background job has before it.
#[derive(Clone, Debug, QueryableByName)]
pub struct Waiting {
    #[diesel(sql_type = Text)]
    pub job: String,
    #[diesel(sql_type = BigInt)]
    pub waiting: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest_at: Option<DateTime<Utc>>,
}

/// What waits, job by job.
pub async fn waiting(conn: &mut AsyncPgConnection) -> QueryResult<Vec<Waiting>> {
    sql_query(
        "SELECT 'outbox' AS job, count(*) AS waiting, min(at) AS oldest_at FROM outbox
         UNION ALL SELECT 'webhooks', count(*), min(created_at) FROM webhook_deliveries WHERE state = 'waiting'
         UNION ALL SELECT 'audit', count(*), NULL FROM audit_unsealed
         UNION ALL SELECT 'sums', count(*), NULL FROM usage_touched",
    )
    .load(conn)
    .await
}

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    size: i64,
}

/// Bytes of the database.
pub async fn database_size(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    let row: Size = sql_query("SELECT pg_database_size(current_database()) AS size")
        .get_result(conn)
        .await?;
    Ok(row.size)
}

/// One row of usage, with the names of whom it is about.
#[derive(Clone, Debug, QueryableByName)]
pub struct Usage {
    #[diesel(sql_type = BigInt)]
    pub user_no: i64,
    #[diesel(sql_type = BigInt)]
    pub device_no: i64,
    #[diesel(sql_type = BigInt)]
    pub node_no: i64,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    #[diesel(sql_type = BigInt)]
    pub tx: i64,
    #[diesel(sql_type = BigInt)]
    pub rx: i64,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub user_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub user: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub device_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub device: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub node_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    pub node: Option<String>,
}

/// Which rows of usage, and behind which one.
#[derive(Clone, Debug)]
pub struct UsageOf {
    pub step: Step,
    pub of: Of,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// User, device, node, time.
    pub after: (i64, i64, i64, DateTime<Utc>),
    pub limit: i64,
}

/// Rows of usage in the order of their key: each call reads its part of the index and nothing else.
pub async fn usage(conn: &mut AsyncPgConnection, of: &UsageOf) -> QueryResult<Vec<Usage>> {
    let (table, key, at, bind) = match of.step {
        Step::Hour => ("usage_hourly", "hour", "hour", "$4"),
        Step::Day => (
            "usage_daily",
            "day",
            "day::timestamp AT TIME ZONE 'UTC'",
            "($4 AT TIME ZONE 'UTC')::date",
        ),
    };
    // a condition that is not asked for is left out of the plan
    let given = |given: bool, condition: &str, place: &str| {
        if given {
            format!(" AND {condition} {place}")
        } else {
            format!(" AND {place} IS NULL")
        }
    };
    let conditions = [
        given(of.of.user.is_some(), "user_no =", "$5::int8"),
        given(of.of.node.is_some(), "node_no =", "$6::int8"),
        given(of.from.is_some(), &format!("{at} >="), "$7::timestamptz"),
        given(of.to.is_some(), &format!("{at} <"), "$8::timestamptz"),
    ]
    .concat();
    let (user, device, node, time) = of.after;
    sql_query(format!(
        "WITH part AS MATERIALIZED (
            SELECT user_no, device_no, node_no, {at} AS at, tx, rx FROM {table}
            WHERE (user_no, device_no, node_no, {key}) > ($1, $2, $3, {bind}){conditions}
            ORDER BY user_no, device_no, node_no, {key} LIMIT $9),
         -- many rows are of few users and devices: each is looked up once
         u AS MATERIALIZED (SELECT number, id, name FROM users WHERE number = ANY (ARRAY(SELECT DISTINCT user_no FROM part))),
         d AS MATERIALIZED (SELECT number, id, name FROM devices WHERE number = ANY (ARRAY(SELECT DISTINCT device_no FROM part)))
         SELECT p.*, u.id AS user_id, u.name AS user, d.id AS device_id, d.name AS device, n.id AS node_id, n.name AS node
         FROM part p LEFT JOIN u ON u.number = p.user_no LEFT JOIN d ON d.number = p.device_no
            LEFT JOIN nodes n ON n.number = p.node_no
         ORDER BY p.user_no, p.device_no, p.node_no, p.at"
    ))
    .bind::<BigInt, _>(user)
    .bind::<BigInt, _>(device)
    .bind::<BigInt, _>(node)
    .bind::<Timestamptz, _>(time)
    .bind::<Nullable<BigInt>, _>(of.of.user)
    .bind::<Nullable<BigInt>, _>(of.of.node)
    .bind::<Nullable<Timestamptz>, _>(of.from)
    .bind::<Nullable<Timestamptz>, _>(of.to)
    .bind::<BigInt, _>(of.limit)
    .load(conn)
    .await
}
