//! What the directory is filled from: ranges of users with all that hangs on them, nodes, and the change log.
//!
//! What belongs to one range takes the connection by a shared reference: its queries are sent at once, so that the
//! database works on one while the rows of another are read.
use crate::{
    models::{CredentialKind, DeviceNo, GroupNo, NodeNo, OnConflict, UserNo},
    schema::{
        connections, credentials, devices, group_nodes, group_users, node_overrides, nodes, plans,
        users,
    },
};
use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*, sql_types::BigInt};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;

/// What admission needs of a user.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct UserRow {
    pub number: UserNo,
    pub quota: Option<i64>,
    pub used: i64,
    pub suspended_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub on_hold: bool,
    pub activated_at: Option<DateTime<Utc>>,
    pub valid_for_seconds: Option<i64>,
    pub expires_at: Option<DateTime<Utc>>,
    pub online_limit: Option<i32>,
    /// Of its plan; `None`: it has none.
    #[diesel(select_expression = plans::paid.nullable())]
    pub paid: Option<bool>,
}

/// What admission needs of a device, live or removed.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = devices, check_for_backend(diesel::pg::Pg))]
pub struct DeviceRow {
    pub user_no: UserNo,
    pub number: DeviceNo,
    pub credential_version: i32,
    pub max_connections: i16,
    pub on_conflict: OnConflict,
    pub blocked_at: Option<DateTime<Utc>>,
    pub removed_at: Option<DateTime<Utc>>,
}

/// A credential by its owner: user, device, version, hash, revoked.
pub type CredentialRow = (UserNo, DeviceNo, i32, Vec<u8>, Option<DateTime<Utc>>);

/// The highest user number; the directory is filled in ranges up to it.
pub async fn highest_user(conn: &mut AsyncPgConnection) -> QueryResult<Option<UserNo>> {
    users::table
        .select(diesel::dsl::max(users::number))
        .first(conn)
        .await
}

/// Users of a range of numbers, ascending.
pub async fn users(
    mut conn: &AsyncPgConnection,
    from: UserNo,
    to: UserNo,
) -> QueryResult<Vec<UserRow>> {
    users::table
        .left_join(plans::table.on(plans::number.nullable().eq(users::plan_no)))
        .filter(users::number.between(from, to))
        .order(users::number)
        .select(UserRow::as_select())
        .load(&mut conn)
        .await
}

/// Their devices, by user and number.
pub async fn devices(
    mut conn: &AsyncPgConnection,
    from: UserNo,
    to: UserNo,
) -> QueryResult<Vec<DeviceRow>> {
    devices::table
        .filter(devices::user_no.between(from, to))
        .order((devices::user_no, devices::number))
        .select(DeviceRow::as_select())
        .load(&mut conn)
        .await
}

/// Their credentials that live or were revoked after `remembered`, by user.
pub async fn credentials(
    mut conn: &AsyncPgConnection,
    from: UserNo,
    to: UserNo,
    remembered: DateTime<Utc>,
) -> QueryResult<Vec<CredentialRow>> {
    credentials::table
        .inner_join(devices::table.on(devices::number.eq(credentials::device_no)))
        .filter(devices::user_no.between(from, to))
        .filter(
            credentials::revoked_at
                .is_null()
                .or(credentials::revoked_at.gt(remembered)),
        )
        .order(devices::user_no)
        .select((
            devices::user_no,
            credentials::device_no,
            credentials::version,
            credentials::hash,
            credentials::revoked_at,
        ))
        .load(&mut conn)
        .await
}

/// Their groups, by user and group.
pub async fn groups(
    mut conn: &AsyncPgConnection,
    from: UserNo,
    to: UserNo,
) -> QueryResult<Vec<(UserNo, GroupNo)>> {
    group_users::table
        .filter(group_users::user_no.between(from, to))
        .order((group_users::user_no, group_users::group_no))
        .select((group_users::user_no, group_users::group_no))
        .load(&mut conn)
        .await
}

/// Their own rules for nodes, by user.
pub async fn overrides(
    mut conn: &AsyncPgConnection,
    from: UserNo,
    to: UserNo,
) -> QueryResult<Vec<(UserNo, NodeNo, bool)>> {
    node_overrides::table
        .filter(node_overrides::user_no.between(from, to))
        .order(node_overrides::user_no)
        .select((
            node_overrides::user_no,
            node_overrides::node_no,
            node_overrides::allowed,
        ))
        .load(&mut conn)
        .await
}

/// What admission needs of a node.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = nodes, check_for_backend(diesel::pg::Pg))]
pub struct NodeRow {
    pub number: NodeNo,
    pub name: String,
    pub hook_secret_hash: Vec<u8>,
    pub old_hook_secret_hash: Option<Vec<u8>>,
    pub hook_secret_used_at: Option<DateTime<Utc>>,
    pub require_stats_seconds: Option<i32>,
    pub paid: bool,
    pub disabled_at: Option<DateTime<Utc>>,
    pub draining_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
}

/// One node (deleted ones too), or all that live.
pub async fn nodes(
    conn: &mut AsyncPgConnection,
    only: Option<NodeNo>,
) -> QueryResult<Vec<NodeRow>> {
    let mut query = nodes::table.select(NodeRow::as_select()).into_boxed();
    query = match only {
        Some(number) => query.filter(nodes::number.eq(number)),
        None => query.filter(nodes::deleted_at.is_null()),
    };
    query.load(conn).await
}

/// Which groups nodes are in, by node.
pub async fn node_groups(conn: &mut AsyncPgConnection) -> QueryResult<Vec<(NodeNo, GroupNo)>> {
    group_nodes::table
        .order((group_nodes::node_no, group_nodes::group_no))
        .select((group_nodes::node_no, group_nodes::group_no))
        .load(conn)
        .await
}

/// One row of the change log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, QueryableByName)]
pub struct ChangeRow {
    #[diesel(sql_type = BigInt)]
    pub number: i64,
    #[diesel(sql_type = BigInt)]
    pub xid: i64,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub kind: String,
    #[diesel(sql_type = BigInt)]
    pub entity: i64,
}

#[derive(QueryableByName)]
struct Xmin {
    #[diesel(sql_type = BigInt)]
    xmin: i64,
}

/// The oldest transaction that this snapshot does not see the end of: where the next read starts.
pub async fn snapshot_xmin(conn: &mut AsyncPgConnection) -> QueryResult<i64> {
    let query = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::int8 AS xmin";
    let row: Xmin = diesel::sql_query(query).get_result(conn).await?;
    Ok(row.xmin)
}

/// Every change of a transaction at or above `xmin`: those that the read before could not see, and some that it could.
pub async fn changes_since(conn: &mut AsyncPgConnection, xmin: i64) -> QueryResult<Vec<ChangeRow>> {
    diesel::sql_query(
        "SELECT number, xid, kind, entity FROM changes WHERE xid >= $1 ORDER BY number",
    )
    .bind::<BigInt, _>(xmin)
    .load(conn)
    .await
}

/// Where devices with legacy credentials were last admitted from, since `since`: device, address, when.
pub async fn legacy_addresses(
    conn: &mut AsyncPgConnection,
    since: DateTime<Utc>,
) -> QueryResult<Vec<(DeviceNo, Option<IpNet>, Option<DateTime<Utc>>)>> {
    let legacy = credentials::table
        .filter(credentials::device_no.eq(connections::device_no))
        .filter(credentials::version.eq(connections::credential_version))
        .filter(credentials::kind.ne(CredentialKind::Own));
    connections::table
        .filter(connections::admitted_at.gt(since))
        .filter(connections::client_addr.is_not_null())
        .filter(exists(legacy))
        .distinct_on(connections::device_no)
        .order((connections::device_no, connections::admitted_at.desc()))
        .select((
            connections::device_no,
            connections::client_addr,
            connections::admitted_at,
        ))
        .load(conn)
        .await
}
