//! Sets of nodes that sets of users may use, and single users' own rules.
use crate::{
    models::{Group, GroupId, GroupNo, Named, NodeNo, UserNo},
    schema::{group_nodes, group_users, groups, node_overrides},
};
use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

/// The group that a migration makes, and that new users and nodes join unless told otherwise.
pub const DEFAULT: &str = "default";

/// One page, by id.
pub async fn list(
    conn: &mut AsyncPgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<Group>> {
    let mut query = Group::query().order(groups::id).limit(limit).into_boxed();
    if let Some(after) = after {
        query = query.filter(groups::id.gt(after));
    }
    query.load(conn).await
}

/// A group by id or name.
pub async fn find(conn: &mut AsyncPgConnection, which: &Named) -> QueryResult<Option<Group>> {
    let query = Group::query().into_boxed();
    match which {
        Named::Id(id) => query.filter(groups::id.eq(id)),
        Named::Name(name) => query.filter(groups::name.eq(name)),
    }
    .first(conn)
    .await
    .optional()
}

/// Makes a group.
pub async fn insert(
    conn: &mut AsyncPgConnection,
    id: GroupId,
    name: &str,
    at: DateTime<Utc>,
) -> QueryResult<Group> {
    diesel::insert_into(groups::table)
        .values((
            groups::id.eq(id),
            groups::name.eq(name),
            groups::created_at.eq(at),
        ))
        .returning(Group::as_returning())
        .get_result(conn)
        .await
}

/// Deletes a group; its memberships go with it.
pub async fn delete(conn: &mut AsyncPgConnection, group: GroupNo) -> QueryResult<usize> {
    diesel::delete(groups::table.filter(groups::number.eq(group)))
        .execute(conn)
        .await
}

/// A group's members, counted.
#[derive(Clone, Copy, Debug, QueryableByName)]
pub struct Size {
    #[diesel(sql_type = BigInt)]
    pub number: GroupNo,
    #[diesel(sql_type = BigInt)]
    pub users: i64,
    #[diesel(sql_type = BigInt)]
    pub nodes: i64,
}

/// How many users and nodes each of these groups has; `most` stands for that many or more.
pub async fn sizes(
    conn: &mut AsyncPgConnection,
    of: &[GroupNo],
    most: i64,
) -> QueryResult<Vec<Size>> {
    // counting a million members would take longer than all the rest of a page
    sql_query(
        "SELECT g AS number,
            (SELECT count(*) FROM (SELECT FROM group_users WHERE group_no = g LIMIT $2) u) AS users,
            (SELECT count(*) FROM (SELECT FROM group_nodes WHERE group_no = g LIMIT $2) n) AS nodes
         FROM unnest($1) g",
    )
    .bind::<Array<BigInt>, _>(of)
    .bind::<BigInt, _>(most)
    .load(conn)
    .await
}

/// Every user of a group.
pub async fn users_of(conn: &mut AsyncPgConnection, group: GroupNo) -> QueryResult<Vec<UserNo>> {
    group_users::table
        .filter(group_users::group_no.eq(group))
        .select(group_users::user_no)
        .load(conn)
        .await
}

/// Every node of a group.
pub async fn nodes_of(conn: &mut AsyncPgConnection, group: GroupNo) -> QueryResult<Vec<NodeNo>> {
    group_nodes::table
        .filter(group_nodes::group_no.eq(group))
        .select(group_nodes::node_no)
        .load(conn)
        .await
}

/// Puts a user into a group; tells whether it was outside.
pub async fn add_user(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    user: UserNo,
) -> QueryResult<bool> {
    diesel::insert_into(group_users::table)
        .values((
            group_users::group_no.eq(group),
            group_users::user_no.eq(user),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map(|n| n > 0)
}

/// Takes a user out of a group; tells whether it was inside.
pub async fn remove_user(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    user: UserNo,
) -> QueryResult<bool> {
    diesel::delete(group_users::table.find((user, group)))
        .execute(conn)
        .await
        .map(|n| n > 0)
}

/// Takes a user out of all groups.
pub async fn leave_all(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<usize> {
    diesel::delete(group_users::table.filter(group_users::user_no.eq(user)))
        .execute(conn)
        .await
}

/// Puts a node into a group; tells whether it was outside.
pub async fn add_node(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    node: NodeNo,
) -> QueryResult<bool> {
    diesel::insert_into(group_nodes::table)
        .values((
            group_nodes::group_no.eq(group),
            group_nodes::node_no.eq(node),
        ))
        .on_conflict_do_nothing()
        .execute(conn)
        .await
        .map(|n| n > 0)
}

/// Takes a node out of a group; tells whether it was inside.
pub async fn remove_node(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    node: NodeNo,
) -> QueryResult<bool> {
    diesel::delete(group_nodes::table.find((group, node)))
        .execute(conn)
        .await
        .map(|n| n > 0)
}

/// Takes a deleted node out of all groups and rules.
pub async fn forget_node(conn: &mut AsyncPgConnection, node: NodeNo) -> QueryResult<()> {
    diesel::delete(group_nodes::table.filter(group_nodes::node_no.eq(node)))
        .execute(conn)
        .await?;
    diesel::delete(node_overrides::table.filter(node_overrides::node_no.eq(node)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes an erased user out of all groups and rules.
pub async fn forget_user(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<()> {
    diesel::delete(group_users::table.filter(group_users::user_no.eq(user)))
        .execute(conn)
        .await?;
    diesel::delete(node_overrides::table.filter(node_overrides::user_no.eq(user)))
        .execute(conn)
        .await?;
    Ok(())
}

/// Sets a user's own rule for a node.
pub async fn set_override(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    node: NodeNo,
    allowed: bool,
) -> QueryResult<usize> {
    diesel::insert_into(node_overrides::table)
        .values((
            node_overrides::user_no.eq(user),
            node_overrides::node_no.eq(node),
            node_overrides::allowed.eq(allowed),
        ))
        .on_conflict((node_overrides::user_no, node_overrides::node_no))
        .do_update()
        .set(node_overrides::allowed.eq(allowed))
        .execute(conn)
        .await
}

/// Removes a user's own rule for a node; tells whether there was one.
pub async fn remove_override(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    node: NodeNo,
) -> QueryResult<bool> {
    diesel::delete(node_overrides::table.find((user, node)))
        .execute(conn)
        .await
        .map(|n| n > 0)
}
