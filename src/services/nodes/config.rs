//! What a node's operator must write into the server's configuration.
use super::{NodeDetail, NodeReady, Nodes, Test, found, plan};
use crate::{
    error::Result,
    hysteria::{
        Address, Obfs,
        server_config::{Server, ServerConfig},
    },
    models::Named,
    repositories::audit::{self, NewEntry},
    services::links,
};
use anyhow::{Context, anyhow};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::net::IpAddr;
use url::Url;

/// The configuration in both spellings. It holds the hook's and the stats API's secrets.
#[derive(Clone)]
pub struct NodeConfig {
    pub hook_url: SecretString,
    pub json: Value,
    pub yaml: String,
}

impl std::fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeConfig")
    }
}

impl Nodes {
    /// A node with its configuration. That it was shown is audited.
    pub async fn config(&self, principal: &str, which: &Named) -> Result<NodeReady> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, which).await?;
        let subject = format!("node:{}", detail.node.id);
        let ready = self.ready(detail, None)?;
        let (what, now) = (json!({ "shown": "config" }), self.store.clock.now());
        let entry = NewEntry::plain(principal, "node.reveal", &subject, what, now);
        audit::insert(&mut conn, entry).await?;
        Ok(ready)
    }

    /// Adds to a node what its operator needs.
    pub(super) fn ready(&self, detail: NodeDetail, test: Option<Test>) -> Result<NodeReady> {
        let node = &detail.node;
        let address: Address = node.address.parse().map_err(|why| anyhow!("{why}"))?;
        let stats_url = Url::parse(&node.stats_url).context("a stored stats URL")?;
        let hook_secret = self.open(node, "hook_secret_sealed", &node.hook_secret_sealed)?;
        let hook_url = self
            .policy
            .hook_url(&node.name, hook_secret.expose_secret())?;
        let stats_secret = self.open(node, "stats_secret_sealed", &node.stats_secret_sealed)?;
        let disguise = links::disguise(&self.keyring, node)?;
        let own_addresses: Vec<IpAddr> =
            node.own_addresses.iter().map(ipnet::IpNet::addr).collect();
        let config = ServerConfig::new(&Server {
            name: &node.name,
            address: &address,
            hook_url: &hook_url,
            stats_url: &stats_url,
            stats_secret: stats_secret.expose_secret(),
            obfs: disguise.as_ref().map(|(kind, password)| Obfs {
                kind: *kind,
                password: password.expose_secret(),
            }),
            allow_targets: &node.allow_targets,
            own_addresses: &own_addresses,
            line_rate: node.line_rate.and_then(|rate| u64::try_from(rate).ok()),
        });
        let config = NodeConfig {
            json: serde_json::to_value(&config).context("a server configuration")?,
            yaml: config.to_yaml().context("a server configuration")?,
            hook_url: hook_url.to_string().into(),
        };
        let warnings = self.warnings(&stats_url, &detail, test.as_ref())?;
        Ok(NodeReady {
            detail,
            config,
            test,
            warnings,
        })
    }

    fn warnings(
        &self,
        stats_url: &Url,
        detail: &NodeDetail,
        test: Option<&Test>,
    ) -> Result<Vec<String>> {
        let (base, note) = self.policy.hook_base()?;
        let mut warnings = Vec::new();
        if plan::is_exposed(&base) {
            warnings.push(plan::Path::Hook.warning(&base));
        }
        if plan::is_exposed(stats_url) {
            warnings.push(plan::Path::Stats.warning(stats_url));
        }
        warnings.extend(note.map(str::to_owned));
        if detail.groups.is_empty() {
            warnings.push("the node is in no group, so it admits nobody".to_owned());
        }
        if let Some(error) = test.and_then(|test| test.error.as_ref()) {
            warnings.push(format!(
                "the stats could not be read yet: {error}. They are tried again every few seconds"
            ));
        }
        Ok(warnings)
    }
}
