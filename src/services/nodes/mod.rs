//! Hysteria2 servers: added, changed, drained, given new secrets; and what their operators must write into their
//! configuration.
mod config;
mod create;
mod edit;
mod health;
mod plan;
mod secret;
mod state;
mod test;
mod validate;
mod versions;
mod yaml;

pub use config::NodeConfig;
pub use create::CreateNode;
pub use edit::EditNode;
pub use health::{Health, UserHere};
pub use plan::Policy;
pub(super) use plan::networks;
pub use test::Test;
pub use validate::{Finding, Weight};
pub use versions::{Difference, Version};

use crate::{
    error::{Error, Result},
    hysteria::stats::Dialer,
    keyring::Keyring,
    models::{Named, Node, NodeNo, NodeReading},
    repositories::nodes,
    services::{
        enforcement::Hurry,
        leases::Leases,
        store::{Store, Trace},
    },
};
use chrono::{DateTime, Utc};
use diesel_async::AsyncPgConnection;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// The service.
#[derive(Clone)]
pub struct Nodes {
    pub store: Store,
    pub keyring: Arc<Keyring>,
    pub leases: Arc<Leases>,
    pub hurry: Arc<Hurry>,
    pub dialer: Dialer,
    pub policy: Policy,
}

/// A node as callers see it, without its secrets.
#[derive(Clone, Debug)]
pub struct NodeDetail {
    pub node: Node,
    /// How far it is read.
    pub reading: Option<NodeReading>,
    /// Names of its groups.
    pub groups: Vec<String>,
}

/// A node with everything its operator needs.
#[derive(Clone, Debug)]
pub struct NodeReady {
    pub detail: NodeDetail,
    pub config: NodeConfig,
    /// What a first read of its stats saw.
    pub test: Option<Test>,
    /// What the operator should know, in sentences.
    pub warnings: Vec<String>,
}

impl Nodes {
    /// One page of live nodes.
    pub async fn list(&self, after: Option<Uuid>, limit: i64) -> Result<Vec<NodeDetail>> {
        let mut conn = self.store.conn().await?;
        let page = nodes::list(&mut conn, after, limit).await?;
        let numbers: Vec<NodeNo> = page.iter().map(|(node, _)| node.number).collect();
        let mut groups: HashMap<NodeNo, Vec<String>> = HashMap::new();
        for (node, group) in nodes::groups_of(&mut conn, &numbers).await? {
            groups.entry(node).or_default().push(group);
        }
        let detail = |(node, reading): (Node, Option<NodeReading>)| NodeDetail {
            groups: groups.remove(&node.number).unwrap_or_default(),
            node,
            reading,
        };
        Ok(page.into_iter().map(detail).collect())
    }

    /// One live node.
    pub async fn find(&self, which: &Named) -> Result<NodeDetail> {
        let mut conn = self.store.conn().await?;
        found(&mut conn, which).await
    }
}

async fn found(conn: &mut AsyncPgConnection, which: &Named) -> Result<NodeDetail> {
    let found = nodes::find(conn, which).await?;
    let (node, reading) = found.ok_or(Error::NotFound("node"))?;
    let groups = nodes::groups_of(conn, &[node.number]).await?;
    Ok(NodeDetail {
        node,
        reading,
        groups: groups.into_iter().map(|(_, name)| name).collect(),
    })
}

/// The node, locked until the transaction ends.
pub(super) async fn locked(conn: &mut AsyncPgConnection, which: &Named) -> Result<Node> {
    nodes::lock(conn, which)
        .await?
        .ok_or(Error::NotFound("node"))
}

/// The traces of a change of a node.
fn trace<'a>(
    principal: &'a str,
    what: (&'static str, &'static str),
    node: &Node,
    at: DateTime<Utc>,
) -> Trace<'a> {
    Trace::new(principal, what, format!("node:{}", node.id), at).node(node.number)
}
