//! Sets of nodes that sets of users may use.
use crate::{
    error::{Error, Result, violated},
    models::{Group, GroupId, Named, name},
    repositories::{
        self,
        changes::{self, Change},
        groups,
    },
    services::{
        callers::Caller,
        idempotency::Keep,
        nodes,
        store::{Store, Trace, leave},
        users,
    },
};
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// The service.
#[derive(Clone)]
pub struct Groups {
    pub store: Store,
}

/// A group with how many it joins.
#[derive(Clone, Debug)]
pub struct GroupDetail {
    pub group: Group,
    pub users: i64,
    pub nodes: i64,
}

/// Who joins or leaves a group.
#[derive(Clone, Debug)]
pub enum Member {
    User(Named),
    Node(Named),
}

impl Groups {
    /// One page.
    pub async fn list(&self, after: Option<Uuid>, limit: i64) -> Result<Vec<GroupDetail>> {
        let mut conn = self.store.conn().await?;
        let page = groups::list(&mut conn, after, limit).await?;
        detail(&mut conn, page).await
    }

    /// One group.
    pub async fn find(&self, which: &Named) -> Result<GroupDetail> {
        let mut conn = self.store.conn().await?;
        let group = found(&mut conn, which).await?;
        let mut detail = detail(&mut conn, vec![group]).await?;
        detail.pop().ok_or(Error::NotFound("group"))
    }

    /// Makes a group; it joins nobody yet.
    pub async fn create(
        &self,
        principal: &str,
        name: &str,
        keep: &Keep<'_, GroupDetail>,
    ) -> Result<GroupDetail> {
        let name = name::label(name).map_err(|why| Error::field("name", why))?;
        let (id, now) = (GroupId(self.store.clock.uuid()), self.store.clock.now());
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let group = groups::insert(conn, id, &name, now).await.map_err(taken)?;
            let what = ("group.create", "group.created");
            let trace = trace(principal, what, &group, now).with(json!({ "name": name }));
            leave(conn, trace).await?;
            let made = GroupDetail {
                group,
                users: 0,
                nodes: 0,
            };
            keep.answer(conn, &made).await?;
            Ok::<_, Error>(made)
        })
        .await
    }

    /// Deletes a group: whoever could use a node by it alone is refused and kicked.
    ///
    /// Its nodes alone are changed. Without the group they refuse, and a user's row that still names it means nothing, for
    /// numbers are never used again; the default group may hold a million users, of whom each would be another row, another
    /// version and another entry to read.
    pub async fn delete(&self, principal: &str, which: &Named) -> Result<()> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let group = groups::lock(conn, which)
                .await?
                .ok_or(Error::NotFound("group"))?;
            let nodes = groups::clear_nodes(conn, group.number, now).await?;
            let users = groups::clear_users(conn, group.number).await?;
            groups::delete(conn, group.number).await?;
            let changed: Vec<Change> = nodes.iter().copied().map(Change::Node).collect();
            changes::insert_all(conn, &changed).await?;
            let what = ("group.delete", "group.deleted");
            let detail = json!({ "name": group.name, "users": users, "nodes": nodes.len() });
            leave(conn, trace(principal, what, &group, now).with(detail)).await?;
            Ok::<_, Error>(())
        })
        .await?;
        self.store.caught_up(conn).await
    }

    /// Puts a user or node into a group, or takes it out; doing so twice is no error.
    pub async fn set(
        &self,
        by: &Caller,
        which: &Named,
        member: &Member,
        inside: bool,
    ) -> Result<()> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            // before its members, as when it is deleted
            let held = groups::hold(conn, std::slice::from_ref(which)).await?;
            let group = held.into_iter().next().ok_or(Error::NotFound("group"))?;
            match member {
                Member::User(who) => set_user(conn, by, &group, who, inside, now).await,
                Member::Node(node) => set_node(conn, by, &group, node, inside, now).await,
            }
        })
        .await?;
        self.store.caught_up(conn).await
    }
}

async fn set_user(
    conn: &mut AsyncPgConnection,
    by: &Caller,
    group: &Group,
    who: &Named,
    inside: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let user = users::managed(conn, by, who).await?;
    let (moved, what) = if inside {
        let moved = groups::add_user(conn, &[group.number], user.number).await?;
        (moved, ("group.add_user", "group.user_added"))
    } else {
        let moved = groups::remove_user(conn, group.number, user.number).await?;
        (moved, ("group.remove_user", "group.user_removed"))
    };
    if moved == 0 {
        return Ok(());
    }
    // its view shows its groups
    repositories::users::update(conn, &user, now).await?;
    let detail = json!({ "group": group.name, "user": user.id });
    let trace = trace(&by.name, what, group, now).user(user.number);
    leave(conn, trace.with(detail)).await
}

async fn set_node(
    conn: &mut AsyncPgConnection,
    by: &Caller,
    group: &Group,
    which: &Named,
    inside: bool,
    now: DateTime<Utc>,
) -> Result<()> {
    let node = nodes::locked(conn, which).await?;
    let (moved, what) = if inside {
        let moved = groups::add_node(conn, &[group.number], node.number).await?;
        (moved, ("group.add_node", "group.node_added"))
    } else {
        let moved = groups::remove_node(conn, group.number, node.number).await?;
        (moved, ("group.remove_node", "group.node_removed"))
    };
    if moved == 0 {
        return Ok(());
    }
    repositories::nodes::update(conn, &node, now).await?;
    let detail = json!({ "group": group.name, "node": node.id });
    let trace = trace(&by.name, what, group, now).node(node.number);
    leave(conn, trace.with(detail)).await
}

async fn found(conn: &mut AsyncPgConnection, which: &Named) -> Result<Group> {
    groups::find(conn, which)
        .await?
        .ok_or(Error::NotFound("group"))
}

async fn detail(conn: &mut AsyncPgConnection, groups: Vec<Group>) -> Result<Vec<GroupDetail>> {
    let numbers: Vec<_> = groups.iter().map(|g| g.number).collect();
    let sizes = groups::sizes(conn, &numbers, users::MOST_COUNTED).await?;
    let sizes: HashMap<_, _> = sizes.into_iter().map(|size| (size.number, size)).collect();
    let detail = |group: Group| {
        let size = sizes.get(&group.number);
        GroupDetail {
            users: size.map_or(0, |size| size.users),
            nodes: size.map_or(0, |size| size.nodes),
            group,
        }
    };
    Ok(groups.into_iter().map(detail).collect())
}

fn trace<'a>(
    principal: &'a str,
    what: (&'static str, &'static str),
    group: &Group,
    at: DateTime<Utc>,
) -> Trace<'a> {
    Trace::new(principal, what, format!("group:{}", group.id), at)
}

fn taken(error: diesel::result::Error) -> Error {
    match violated(&error) {
        Some("groups_name_unique") => Error::Duplicate("another group has this name".to_owned()),
        _ => error.into(),
    }
}
