//! Sets of nodes that sets of users may use, and single users' own rules.
use crate::{
    models::{Group, GroupId, GroupNo, Named, NodeNo, UserNo},
    schema::{group_nodes, group_users, groups, node_overrides},
};
use chrono::{DateTime, Utc};
use diesel::{
    pg::Pg,
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Timestamptz},
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

/// Which one a path, a command or a row means.
fn is_called(which: &Named) -> Box<dyn BoxableExpression<groups::table, Pg, SqlType = Bool> + '_> {
    match which {
        Named::Id(id) => Box::new(groups::id.eq(id)),
        Named::Name(name) => Box::new(groups::name.eq(name)),
    }
}

/// A group by id or name.
pub async fn find(conn: &mut AsyncPgConnection, which: &Named) -> QueryResult<Option<Group>> {
    Group::query()
        .filter(is_called(which))
        .first(conn)
        .await
        .optional()
}

/// These groups by id or name, each once, in the order of their numbers: nobody deletes one until the transaction ends.
/// To be called before a row of theirs is written, or a deletion of the same moment would break that row's foreign key.
pub async fn hold(conn: &mut AsyncPgConnection, which: &[Named]) -> QueryResult<Vec<Group>> {
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    for one in which {
        match one {
            Named::Id(id) => ids.push(*id),
            Named::Name(name) => names.push(name.as_str()),
        }
    }
    groups::table
        .filter(groups::id.eq_any(ids).or(groups::name.eq_any(names)))
        .order(groups::number)
        .select(Group::as_select())
        .for_key_share()
        .load(conn)
        .await
}

/// The same by number: those of them that are still there.
pub async fn hold_numbers(
    conn: &mut AsyncPgConnection,
    numbers: &[GroupNo],
) -> QueryResult<Vec<GroupNo>> {
    groups::table
        .filter(groups::number.eq_any(numbers))
        .order(groups::number)
        .select(groups::number)
        .for_key_share()
        .load(conn)
        .await
}

/// A group that is to be deleted: nobody joins it from now on.
pub async fn lock(conn: &mut AsyncPgConnection, which: &Named) -> QueryResult<Option<Group>> {
    groups::table
        .filter(is_called(which))
        .select(Group::as_select())
        .for_update()
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

/// The groups of a user, in the order of their numbers.
pub async fn of_user(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<Vec<GroupNo>> {
    group_users::table
        .filter(group_users::user_no.eq(user))
        .order(group_users::group_no)
        .select(group_users::group_no)
        .load(conn)
        .await
}

/// Takes all users out of a locked group; tells how many there were.
pub async fn clear_users(conn: &mut AsyncPgConnection, group: GroupNo) -> QueryResult<usize> {
    diesel::delete(group_users::table.filter(group_users::group_no.eq(group)))
        .execute(conn)
        .await
}

/// Takes all nodes out of a locked group, and raises their versions; gives which.
pub async fn clear_nodes(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    at: DateTime<Utc>,
) -> QueryResult<Vec<NodeNo>> {
    #[derive(QueryableByName)]
    struct Changed {
        #[diesel(sql_type = BigInt)]
        number: NodeNo,
    }
    let changed: Vec<Changed> = sql_query(
        "WITH locked AS (
            SELECT number FROM nodes WHERE number IN (SELECT node_no FROM group_nodes WHERE group_no = $1)
            ORDER BY number FOR NO KEY UPDATE
         ), gone AS (
            DELETE FROM group_nodes WHERE group_no = $1 AND node_no IN (SELECT number FROM locked)
         )
         UPDATE nodes n SET version = n.version + 1, updated_at = $2 FROM locked l WHERE n.number = l.number
         RETURNING n.number",
    )
    .bind::<BigInt, _>(group)
    .bind::<Timestamptz, _>(at)
    .load(conn)
    .await?;
    Ok(changed.into_iter().map(|node| node.number).collect())
}

/// Puts a user into groups that are held; tells how many it was outside of.
pub async fn add_user(
    conn: &mut AsyncPgConnection,
    groups: &[GroupNo],
    user: UserNo,
) -> QueryResult<usize> {
    let row = |group| {
        (
            group_users::group_no.eq(group),
            group_users::user_no.eq(user),
        )
    };
    let rows: Vec<_> = groups.iter().map(row).collect();
    diesel::insert_into(group_users::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(conn)
        .await
}

/// Takes a user out of a group; 0: it was outside.
pub async fn remove_user(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    user: UserNo,
) -> QueryResult<usize> {
    diesel::delete(group_users::table.find((user, group)))
        .execute(conn)
        .await
}

/// Takes a user out of all groups.
pub async fn leave_all(conn: &mut AsyncPgConnection, user: UserNo) -> QueryResult<usize> {
    diesel::delete(group_users::table.filter(group_users::user_no.eq(user)))
        .execute(conn)
        .await
}

/// Puts a node into groups that are held; tells how many it was outside of.
pub async fn add_node(
    conn: &mut AsyncPgConnection,
    groups: &[GroupNo],
    node: NodeNo,
) -> QueryResult<usize> {
    let row = |group| {
        (
            group_nodes::group_no.eq(group),
            group_nodes::node_no.eq(node),
        )
    };
    let rows: Vec<_> = groups.iter().map(row).collect();
    diesel::insert_into(group_nodes::table)
        .values(rows)
        .on_conflict_do_nothing()
        .execute(conn)
        .await
}

/// Takes a node out of a group; 0: it was outside.
pub async fn remove_node(
    conn: &mut AsyncPgConnection,
    group: GroupNo,
    node: NodeNo,
) -> QueryResult<usize> {
    diesel::delete(group_nodes::table.find((group, node)))
        .execute(conn)
        .await
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
