//! Sets of nodes that sets of users may use.
use crate::{
    error::{Error, Result, violated},
    models::{Group, GroupId, Named, name},
    repositories::{
        changes::{self, Change},
        groups,
    },
    services::{
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
    pub async fn delete(&self, principal: &str, which: &Named) -> Result<()> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let group = found(conn, which).await?;
            let users = groups::users_of(conn, group.number).await?;
            let nodes = groups::nodes_of(conn, group.number).await?;
            groups::delete(conn, group.number).await?;
            let changed: Vec<Change> = users
                .iter()
                .map(|user| Change::User(*user))
                .chain(nodes.iter().map(|node| Change::Node(*node)))
                .collect();
            changes::insert_all(conn, &changed).await?;
            let what = ("group.delete", "group.deleted");
            let detail = json!({ "name": group.name, "users": users.len(), "nodes": nodes.len() });
            leave(conn, trace(principal, what, &group, now).with(detail)).await?;
            Ok::<_, Error>(())
        })
        .await?;
        self.store.caught_up(conn).await
    }

    /// Puts a user or node into a group, or takes it out; doing so twice is no error.
    pub async fn set(
        &self,
        principal: &str,
        which: &Named,
        member: &Member,
        inside: bool,
    ) -> Result<()> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        conn.transaction(async |conn| {
            let group = found(conn, which).await?;
            let number = group.number;
            let what = |user: bool| match (user, inside) {
                (true, true) => ("group.add_user", "group.user_added"),
                (true, false) => ("group.remove_user", "group.user_removed"),
                (false, true) => ("group.add_node", "group.node_added"),
                (false, false) => ("group.remove_node", "group.node_removed"),
            };
            let (changed, trace) = match member {
                Member::User(user) => {
                    let user = users::locked(conn, user).await?;
                    let changed = if inside {
                        groups::add_user(conn, number, user.number).await?
                    } else {
                        groups::remove_user(conn, number, user.number).await?
                    };
                    let trace = trace(principal, what(true), &group, now)
                        .user(user.number)
                        .with(json!({ "group": group.name, "user": user.id }));
                    (changed, trace)
                }
                Member::Node(node) => {
                    let node = nodes::locked(conn, node).await?;
                    let changed = if inside {
                        groups::add_node(conn, number, node.number).await?
                    } else {
                        groups::remove_node(conn, number, node.number).await?
                    };
                    let trace = trace(principal, what(false), &group, now)
                        .node(node.number)
                        .with(json!({ "group": group.name, "node": node.id }));
                    (changed, trace)
                }
            };
            if changed {
                leave(conn, trace).await?;
            }
            Ok::<_, Error>(())
        })
        .await?;
        self.store.caught_up(conn).await
    }
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
