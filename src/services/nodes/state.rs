//! Opening, closing, draining and abandoning a node.
use super::{NodeDetail, Nodes, found, locked, trace};
use crate::{
    admission::concurrency::Listed,
    error::{Error, Result},
    models::{Named, Node},
    repositories::{groups, nodes, readings, traffic},
    services::store::leave,
};
use diesel_async::AsyncConnection;
use serde_json::json;

impl Nodes {
    /// Takes logins again; ends a drain, also one that was to end in its deletion.
    pub async fn enable(&self, principal: &str, which: &Named) -> Result<NodeDetail> {
        self.turn(
            principal,
            which,
            ("node.enable", "node.enabled"),
            |node, _| {
                node.disabled_at = None;
                node.draining_at = None;
                node.removing = false;
            },
        )
        .await
    }

    /// Takes no logins; it is still read, and who is on stays on.
    pub async fn disable(&self, principal: &str, which: &Named) -> Result<NodeDetail> {
        self.turn(
            principal,
            which,
            ("node.disable", "node.disabled"),
            |node, at| {
                node.disabled_at = node.disabled_at.or(Some(at));
            },
        )
        .await
    }

    /// Drains: refuses and kicks until nobody is online, and stays like that until it is enabled.
    pub async fn drain(&self, principal: &str, which: &Named) -> Result<NodeDetail> {
        self.turn(
            principal,
            which,
            ("node.drain", "node.draining"),
            |node, at| {
                node.draining_at = node.draining_at.or(Some(at));
            },
        )
        .await
    }

    /// Deletes: drains, and reads until nobody is online; its reader then ends it. Until then it is listed.
    pub async fn remove(&self, principal: &str, which: &Named) -> Result<NodeDetail> {
        self.turn(
            principal,
            which,
            ("node.remove", "node.draining"),
            |node, at| {
                node.draining_at = node.draining_at.or(Some(at));
                node.removing = true;
            },
        )
        .await
    }

    async fn turn(
        &self,
        principal: &str,
        which: &Named,
        what: (&'static str, &'static str),
        change: impl Fn(&mut Node, chrono::DateTime<chrono::Utc>) + Send + Sync,
    ) -> Result<NodeDetail> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                let mut node = locked(conn, which).await?;
                change(&mut node, now);
                let node = nodes::update(conn, &node, now).await?;
                leave(conn, trace(principal, what, &node, now)).await?;
                found(conn, &Named::Id(node.id.0)).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        self.hurry.node(detail.node.number);
        Ok(detail)
    }

    /// Deletes without draining: what its server still counts is lost, who is on it stays on until it asks again.
    pub async fn abandon(&self, principal: &str, which: &Named) -> Result<()> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let node = conn
            .transaction(async |conn| {
                // in the order of its reader, which may be draining it at this moment
                let node = found(conn, which).await?.node;
                readings::close(conn, node.number).await?;
                let mut node = locked(conn, &Named::Id(node.id.0)).await?;
                node.deleted_at = Some(now);
                let node = nodes::update(conn, &node, now).await?;
                groups::forget_node(conn, node.number).await?;
                let what = ("node.abandon", "node.deleted");
                let trace = trace(principal, what, &node, now).with(json!({ "abandoned": true }));
                leave(conn, trace).await?;
                Ok::<_, Error>(node)
            })
            .await?;
        self.leases.forget_node(node.number).await;
        self.store.caught_up(conn).await
    }

    /// Closes every connection of a node; who may log in may do so again. Gives how many were open.
    pub async fn kick(&self, principal: &str, which: &Named) -> Result<usize> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let (node, open) = conn
            .transaction(async |conn| {
                let node = locked(conn, which).await?;
                let open = traffic::mark_kicked(conn, None, Some(node.number), now).await?;
                let trace = trace(principal, ("node.kick", "node.kicked"), &node, now)
                    .with(json!({ "connections": open.len() }));
                leave(conn, trace).await?;
                Ok::<_, Error>((node, open))
            })
            .await?;
        for kicked in &open {
            let listed = Listed {
                id: &kicked.id,
                user: kicked.user,
                device: kicked.device,
            };
            self.leases.displace(node.number, &[listed]).await;
        }
        self.store.caught_up(conn).await?;
        Ok(open.len())
    }
}
