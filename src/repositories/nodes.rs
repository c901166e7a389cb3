//! Hysteria2 servers. The row of how far they are read is made with them; from then on it is their reader's.
use crate::{
    models::{Named, Node, NodeId, NodeNo, NodeReading, Obfs, UserNo, WantedObfs},
    schema::{
        group_nodes, group_users, groups, node_overrides, node_readings, nodes, plans, users,
    },
};
use chrono::{DateTime, Utc};
use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{Bool, Text},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use ipnet::IpNet;
use uuid::Uuid;

/// A node to be added.
#[derive(Debug, Insertable)]
#[diesel(table_name = nodes, check_for_backend(diesel::pg::Pg))]
pub struct NewNode<'a> {
    pub id: NodeId,
    pub name: &'a str,
    pub address: &'a str,
    pub sni: Option<&'a str>,
    pub pin_sha256: Option<&'a str>,
    pub obfs: Option<Obfs>,
    pub obfs_password_sealed: Option<Vec<u8>>,
    pub hook_secret_hash: Vec<u8>,
    pub hook_secret_sealed: Vec<u8>,
    pub stats_url: &'a str,
    pub stats_secret_sealed: Vec<u8>,
    pub allow_plaintext: Vec<&'a str>,
    pub allow_targets: Vec<IpNet>,
    pub own_addresses: Vec<IpNet>,
    pub line_rate: Option<i64>,
    pub require_stats_seconds: Option<i32>,
    pub gaming: bool,
    pub streaming: bool,
    pub paid: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, AsChangeset)]
#[diesel(table_name = nodes, treat_none_as_null = true)]
#[expect(clippy::struct_excessive_bools, reason = "as many as the table has")]
struct Edited<'a> {
    name: &'a str,
    address: &'a str,
    sni: Option<&'a str>,
    pin_sha256: Option<&'a str>,
    obfs: Option<Obfs>,
    obfs_password_sealed: Option<&'a [u8]>,
    hook_secret_hash: &'a [u8],
    hook_secret_sealed: &'a [u8],
    old_hook_secret_hash: Option<&'a [u8]>,
    hook_secret_used_at: Option<DateTime<Utc>>,
    stats_url: &'a str,
    stats_secret_sealed: &'a [u8],
    allow_plaintext: &'a [String],
    allow_targets: &'a [IpNet],
    own_addresses: &'a [IpNet],
    line_rate: Option<i64>,
    require_stats_seconds: Option<i32>,
    gaming: bool,
    streaming: bool,
    paid: bool,
    disabled_at: Option<DateTime<Utc>>,
    draining_at: Option<DateTime<Utc>>,
    removing: bool,
    deleted_at: Option<DateTime<Utc>>,
    config_version: i32,
    updated_at: DateTime<Utc>,
}

/// A node and how far it is read.
pub type Read = (Node, Option<NodeReading>);

/// One page of live nodes, by id.
pub async fn list(
    conn: &mut AsyncPgConnection,
    after: Option<Uuid>,
    limit: i64,
) -> QueryResult<Vec<Read>> {
    let mut query = nodes::table
        .left_join(node_readings::table.on(node_readings::node_no.eq(nodes::number)))
        .filter(nodes::deleted_at.is_null())
        .select((Node::as_select(), Option::<NodeReading>::as_select()))
        .order(nodes::id)
        .limit(limit)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(nodes::id.gt(after));
    }
    query.load(conn).await
}

/// The numbers of all that are not deleted.
pub async fn list_numbers(conn: &mut AsyncPgConnection) -> QueryResult<Vec<NodeNo>> {
    nodes::table
        .filter(nodes::deleted_at.is_null())
        .select(nodes::number)
        .load(conn)
        .await
}

/// A live node.
pub async fn find(conn: &mut AsyncPgConnection, which: &Named) -> QueryResult<Option<Read>> {
    let query = nodes::table
        .left_join(node_readings::table.on(node_readings::node_no.eq(nodes::number)))
        .filter(nodes::deleted_at.is_null())
        .select((Node::as_select(), Option::<NodeReading>::as_select()))
        .into_boxed();
    match which {
        Named::Id(id) => query.filter(nodes::id.eq(id)),
        Named::Name(name) => query.filter(nodes::name.eq(name)),
    }
    .first(conn)
    .await
    .optional()
}

/// Live nodes at an address, whatever the port: as agents of old name them.
pub async fn at_host(conn: &mut AsyncPgConnection, host: &str) -> QueryResult<Vec<Node>> {
    let own = sql::<Bool>("EXISTS (SELECT FROM unnest(nodes.own_addresses) a WHERE host(a) = ")
        .bind::<Text, _>(host)
        .sql(")");
    let dialled = sql::<Bool>("regexp_replace(nodes.address, ':[^:]*$', '') = ANY (ARRAY[")
        .bind::<Text, _>(host)
        .sql(", '[' || ")
        .bind::<Text, _>(host)
        .sql(" || ']'])");
    Node::query()
        .filter(nodes::deleted_at.is_null())
        .filter(own.or(dialled))
        .order(nodes::id)
        .limit(2)
        .load(conn)
        .await
}

/// The number of a node by its id, deleted ones too: their sums stay.
pub async fn find_deleted(conn: &mut AsyncPgConnection, id: Uuid) -> QueryResult<Option<Node>> {
    Node::query()
        .filter(nodes::id.eq(id))
        .first(conn)
        .await
        .optional()
}

/// Reads a live node and locks its row.
pub async fn lock(conn: &mut AsyncPgConnection, which: &Named) -> QueryResult<Option<Node>> {
    let query = nodes::table
        .filter(nodes::deleted_at.is_null())
        .select(Node::as_select());
    match which {
        Named::Id(id) => {
            query
                .filter(nodes::id.eq(id))
                .for_no_key_update()
                .first(conn)
                .await
        }
        Named::Name(name) => {
            query
                .filter(nodes::name.eq(name))
                .for_no_key_update()
                .first(conn)
                .await
        }
    }
    .optional()
}

/// Adds a node; nothing of it was read yet.
pub async fn insert(conn: &mut AsyncPgConnection, new: &NewNode<'_>) -> QueryResult<Node> {
    let node = diesel::insert_into(nodes::table)
        .values(new)
        .returning(Node::as_returning())
        .get_result(conn)
        .await?;
    diesel::insert_into(node_readings::table)
        .values(node_readings::node_no.eq(node.number))
        .execute(conn)
        .await?;
    Ok(node)
}

/// Notes the version of a node's configuration that was written down with it.
pub async fn set_config_version(conn: &mut AsyncPgConnection, node: &Node) -> QueryResult<usize> {
    diesel::update(nodes::table.find(node.id))
        .set(nodes::config_version.eq(node.config_version))
        .execute(conn)
        .await
}

/// Writes back what was edited under the row's lock.
pub async fn update(
    conn: &mut AsyncPgConnection,
    node: &Node,
    at: DateTime<Utc>,
) -> QueryResult<Node> {
    let edited = Edited {
        name: &node.name,
        address: &node.address,
        sni: node.sni.as_deref(),
        pin_sha256: node.pin_sha256.as_deref(),
        obfs: node.obfs,
        obfs_password_sealed: node.obfs_password_sealed.as_deref(),
        hook_secret_hash: &node.hook_secret_hash,
        hook_secret_sealed: &node.hook_secret_sealed,
        old_hook_secret_hash: node.old_hook_secret_hash.as_deref(),
        hook_secret_used_at: node.hook_secret_used_at,
        stats_url: &node.stats_url,
        stats_secret_sealed: &node.stats_secret_sealed,
        allow_plaintext: &node.allow_plaintext,
        allow_targets: &node.allow_targets,
        own_addresses: &node.own_addresses,
        line_rate: node.line_rate,
        require_stats_seconds: node.require_stats_seconds,
        gaming: node.gaming,
        streaming: node.streaming,
        paid: node.paid,
        disabled_at: node.disabled_at,
        draining_at: node.draining_at,
        removing: node.removing,
        deleted_at: node.deleted_at,
        config_version: node.config_version,
        updated_at: at,
    };
    diesel::update(nodes::table.find(node.id))
        .set((edited, nodes::version.eq(nodes::version + 1)))
        .returning(Node::as_returning())
        .get_result(conn)
        .await
}

/// Notes the first use of a node's present hook secret; false if it was noted before.
pub async fn hook_secret_used(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    at: DateTime<Utc>,
) -> QueryResult<bool> {
    let noted = diesel::update(nodes::table.filter(nodes::number.eq(node)))
        .filter(nodes::hook_secret_used_at.is_null())
        .set(nodes::hook_secret_used_at.eq(at))
        .execute(conn)
        .await?;
    Ok(noted > 0)
}

/// The name of another live node with this stats URL.
pub async fn with_stats_url(
    conn: &mut AsyncPgConnection,
    but: Option<NodeNo>,
    stats_url: &str,
) -> QueryResult<Option<String>> {
    nodes::table
        .filter(nodes::deleted_at.is_null())
        .filter(nodes::number.ne(but.unwrap_or(NodeNo(0))))
        .filter(nodes::stats_url.eq(stats_url))
        .select(nodes::name)
        .first(conn)
        .await
        .optional()
}

/// The names of the groups that these nodes are in.
pub async fn groups_of(
    conn: &mut AsyncPgConnection,
    of: &[NodeNo],
) -> QueryResult<Vec<(NodeNo, String)>> {
    group_nodes::table
        .inner_join(groups::table.on(groups::number.eq(group_nodes::group_no)))
        .filter(group_nodes::node_no.eq_any(of))
        .order((group_nodes::node_no, groups::name))
        .select((group_nodes::node_no, groups::name))
        .load(conn)
        .await
}

/// Which of the nodes that a user may use; nothing said: all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Which<'a> {
    pub named: Option<&'a Named>,
    pub number: Option<NodeNo>,
    pub obfs: Option<WantedObfs>,
}

/// The live nodes that a user may use, those that take logins first, then by name: its own deny, then its own allow, then
/// its groups.
pub async fn permitted(
    conn: &mut AsyncPgConnection,
    user: UserNo,
    which: Which<'_>,
    limit: i64,
) -> QueryResult<Vec<Node>> {
    let own = |allowed: bool| {
        node_overrides::table
            .filter(node_overrides::user_no.eq(user))
            .filter(node_overrides::allowed.eq(allowed))
            .select(node_overrides::node_no)
    };
    let by_group = group_nodes::table
        .inner_join(group_users::table.on(group_users::group_no.eq(group_nodes::group_no)))
        .filter(group_users::user_no.eq(user))
        .select(group_nodes::node_no);
    let paying = users::table
        .inner_join(plans::table.on(plans::number.nullable().eq(users::plan_no)))
        .filter(users::number.eq(user))
        .filter(plans::paid);
    let mut query = Node::query()
        .filter(nodes::deleted_at.is_null())
        .filter(nodes::draining_at.is_null())
        .filter(nodes::number.ne_all(own(false)))
        .filter(diesel::dsl::not(nodes::paid).or(diesel::dsl::exists(paying)))
        .filter(
            nodes::number
                .eq_any(own(true))
                .or(nodes::number.eq_any(by_group)),
        )
        .order((nodes::disabled_at.is_not_null(), nodes::name))
        .limit(limit)
        .into_boxed();
    query = match which.named {
        Some(Named::Id(id)) => query.filter(nodes::id.eq(id)),
        Some(Named::Name(name)) => query.filter(nodes::name.eq(name)),
        None => query,
    };
    if let Some(number) = which.number {
        query = query.filter(nodes::number.eq(number));
    }
    if let Some(wanted) = which.obfs {
        query = query.filter(nodes::obfs.is_not_distinct_from(wanted.obfs()));
    }
    query.load(conn).await
}

/// The live nodes that take logins, by name.
pub async fn open(conn: &mut AsyncPgConnection, limit: i64) -> QueryResult<Vec<Node>> {
    Node::query()
        .filter(nodes::deleted_at.is_null())
        .filter(nodes::draining_at.is_null())
        .filter(nodes::disabled_at.is_null())
        .order(nodes::name)
        .limit(limit)
        .load(conn)
        .await
}

/// Those of these nodes whose last read did not fail.
pub async fn readable(conn: &mut AsyncPgConnection, of: &[NodeNo]) -> QueryResult<Vec<NodeNo>> {
    node_readings::table
        .filter(node_readings::node_no.eq_any(of))
        .filter(node_readings::read_at.is_not_null())
        .filter(node_readings::failing_since.is_null())
        .select(node_readings::node_no)
        .load(conn)
        .await
}

/// Ids and names by compact number, for views that refer to nodes.
pub async fn names(
    conn: &mut AsyncPgConnection,
    of: &[NodeNo],
) -> QueryResult<Vec<(NodeNo, NodeId, String)>> {
    nodes::table
        .filter(nodes::number.eq_any(of))
        .select((nodes::number, nodes::id, nodes::name))
        .load(conn)
        .await
}
