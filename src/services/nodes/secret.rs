//! A node's secrets: that of its hook, that of its stats API, its disguise's password.
use super::{Nodes, found, locked, trace};
use crate::{
    admission::base::push_base32,
    clock::{Clock, random},
    error::{Error, Result},
    models::{Named, Node, NodeId},
    repositories::nodes,
    services::{idempotency::Keep, links::place, nodes::NodeReady, store::leave},
};
use diesel_async::AsyncConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

/// A new secret: 160 random bits that stand in a URL as they are.
pub fn fresh(clock: &dyn Clock) -> SecretString {
    let mut text = String::with_capacity(32);
    push_base32(&mut text, &random::<20>(clock));
    text.into()
}

/// What the hook compares with.
pub fn hash(secret: &SecretString) -> Vec<u8> {
    Sha256::digest(secret.expose_secret()).to_vec()
}

impl Nodes {
    /// Seals one of a node's secrets.
    pub(super) fn seal(
        &self,
        node: &NodeId,
        column: &'static str,
        secret: &str,
    ) -> Result<Vec<u8>> {
        Ok(self.keyring.seal(&place(node, column).get(), secret)?)
    }

    /// Opens one of a node's secrets.
    pub(super) fn open(
        &self,
        node: &Node,
        column: &'static str,
        sealed: &[u8],
    ) -> Result<SecretString> {
        Ok(self.keyring.open(&place(&node.id, column).get(), sealed)?)
    }

    /// Gives a node a new hook secret. The old one stays valid until ten minutes after the new one's first use, or is
    /// refused at once. The old one is the one that the server has: one that was never used takes nobody's place.
    pub async fn rotate_secret(
        &self,
        principal: &str,
        which: &Named,
        now: bool,
        keep: &Keep<'_, NodeReady>,
    ) -> Result<NodeReady> {
        let at = self.store.clock.now();
        let secret = fresh(&*self.store.clock);
        let mut conn = self.store.conn().await?;
        let ready = conn
            .transaction(async |conn| {
                let mut node = locked(conn, which).await?;
                let waiting = node.old_hook_secret_hash.take();
                let waiting = waiting.filter(|_| node.hook_secret_used_at.is_none());
                let present = || node.hook_secret_hash.clone();
                node.old_hook_secret_hash = (!now).then(|| waiting.unwrap_or_else(present));
                node.hook_secret_used_at = None;
                node.hook_secret_hash = hash(&secret);
                node.hook_secret_sealed =
                    self.seal(&node.id, "hook_secret_sealed", secret.expose_secret())?;
                let node = nodes::update(conn, &node, at).await?;
                let what = ("node.rotate_secret", "node.secret_rotated");
                let trace =
                    trace(principal, what, &node, at).with(json!({ "old_refused_at_once": now }));
                leave(conn, trace).await?;
                let detail = found(conn, &Named::Id(node.id.0)).await?;
                let ready = self.ready(detail, None)?;
                keep.answer(conn, &ready).await?;
                Ok::<_, Error>(ready)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(ready)
    }
}
