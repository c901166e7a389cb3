//! How a node is, and who is on it: what is known without asking it.
pub use crate::repositories::here::UserHere;

use super::{NodeDetail, Nodes, found};
use crate::{
    error::Result,
    models::{Named, Node, Status, UserNo},
    repositories::{here, nodes},
};

/// What is known.
#[derive(Clone, Debug)]
pub struct Health {
    pub detail: NodeDetail,
    /// Seconds since the last merged read.
    pub read_age: Option<i64>,
    /// Connections that are open.
    pub connections: i64,
    /// Users that have one.
    pub users: i64,
}

impl Nodes {
    /// How a node is.
    pub async fn health(&self, which: &Named) -> Result<Health> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, which).await?;
        let (connections, users) = here::count(&mut conn, detail.node.number).await?;
        let read_at = detail.reading.as_ref().and_then(|r| r.read_at);
        let now = self.store.clock.now();
        Ok(Health {
            detail,
            read_age: read_at.map(|at| (now - at).num_seconds().max(0)),
            connections,
            users,
        })
    }

    /// One page of the users that are on a node.
    pub async fn users(
        &self,
        which: &Named,
        after: Option<i64>,
        limit: i64,
    ) -> Result<Vec<UserHere>> {
        let mut conn = self.store.conn().await?;
        let node = found(&mut conn, which).await?.node;
        Ok(here::users(&mut conn, node.number, after, limit).await?)
    }

    /// The nodes as customers see them: open, read lately, and permitted to this user; to nobody in particular: all.
    pub async fn public(&self, user: Option<UserNo>) -> Result<Vec<Node>> {
        let mut conn = self.store.conn().await?;
        let all: Vec<Node> = match user {
            Some(user) => {
                let Some(account) =
                    crate::repositories::users::find_number(&mut conn, user).await?
                else {
                    return Ok(Vec::new());
                };
                let status = account.status(self.store.clock.now());
                // whoever would be refused everywhere is offered nothing
                if !matches!(status, Status::Active | Status::OnHold) {
                    return Ok(Vec::new());
                }
                nodes::permitted(&mut conn, user, nodes::Which::default(), 1_000).await?
            }
            None => nodes::open(&mut conn, 1_000).await?,
        };
        let numbers: Vec<_> = all.iter().map(|node| node.number).collect();
        let readable = nodes::readable(&mut conn, &numbers).await?;
        let online = |node: &Node| node.is_open() && readable.contains(&node.number);
        Ok(all.into_iter().filter(online).collect())
    }

    /// The one live node at an address, as the monitor's paths name it.
    pub async fn at(&self, host: &str) -> Result<Option<Named>> {
        let mut conn = self.store.conn().await?;
        let found = nodes::at_host(&mut conn, host).await?;
        Ok(match found.as_slice() {
            [one] => Some(Named::Id(one.id.0)),
            _ => None,
        })
    }
}
