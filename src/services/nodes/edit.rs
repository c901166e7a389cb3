//! Changing a node. Its name stands in the hook URL that its server knows, so that is for ever.
use super::{
    NodeDetail, Nodes,
    create::{check_obfs, refuse_exposed, refuse_second, taken},
    found, locked, plan, trace,
};
use crate::{
    error::{Error, Result},
    hysteria::Address,
    models::{Named, Node, Obfs},
    repositories::nodes,
    services::{
        fields::Fields,
        store::{Seen, leave},
    },
};
use chrono::{DateTime, Utc};
use diesel_async::AsyncConnection;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;
use validator::Validate;

/// What to change; `Some(None)` removes a value.
#[derive(Clone, Debug, Default, Validate)]
pub struct EditNode {
    pub address: Option<String>,
    pub sni: Option<Option<String>>,
    pub pin_sha256: Option<Option<String>>,
    pub obfs: Option<Option<Obfs>>,
    pub obfs_password: Option<SecretString>,
    pub stats_url: Option<String>,
    pub stats_secret: Option<SecretString>,
    #[validate(length(max = plan::ENTRIES))]
    pub allow_plaintext: Option<Vec<String>>,
    #[validate(length(max = plan::ENTRIES))]
    pub allow_targets: Option<Vec<String>>,
    #[validate(length(max = plan::ENTRIES))]
    pub own_addresses: Option<Vec<String>>,
    #[validate(range(min = plan::SLOWEST, max = plan::FASTEST))]
    pub line_rate: Option<Option<i64>>,
    #[validate(range(min = 1, max = 86_400))]
    pub require_stats: Option<Option<i32>>,
    pub gaming: Option<bool>,
    pub streaming: Option<bool>,
    /// Only for users of a paid plan.
    pub paid: Option<bool>,
    /// Takes logins.
    pub enabled: Option<bool>,
}

impl EditNode {
    fn flag(&self, node: &mut Node, now: DateTime<Utc>) -> Result<Vec<&'static str>> {
        let mut changed = Vec::new();
        let mut set = |name, flag: &mut bool, given: Option<bool>| {
            if let Some(given) = given {
                *flag = given;
                changed.push(name);
            }
        };
        set("gaming", &mut node.gaming, self.gaming);
        set("streaming", &mut node.streaming, self.streaming);
        set("paid", &mut node.paid, self.paid);
        if let Some(enabled) = self.enabled {
            if enabled && node.draining_at.is_some() {
                return Err(Error::State(
                    "the node is draining: enable it by its own route".to_owned(),
                ));
            }
            let since = node.disabled_at.or(Some(now));
            node.disabled_at = since.filter(|_| !enabled);
            changed.push("enabled");
        }
        Ok(changed)
    }
}

impl Nodes {
    /// Applies the change to a locked row.
    fn apply(&self, edit: &EditNode, node: &mut Node) -> Result<Vec<&'static str>> {
        let mut fields = Fields::declared(edit);
        let mut changed = Vec::new();
        if let Some(text) = &edit.address {
            changed.push("address");
            if let Some(address) = fields.take("address", text.parse::<Address>()) {
                node.address = address.to_string();
            }
        }
        if let Some(sni) = &edit.sni {
            changed.push("sni");
            node.sni = sni
                .as_deref()
                .and_then(|s| fields.take("sni", plan::sni(s)));
        }
        if let Some(pin) = &edit.pin_sha256 {
            changed.push("pin_sha256");
            node.pin_sha256 = pin
                .as_deref()
                .and_then(|pin| fields.take("pin_sha256", plan::pin(pin)));
        }
        if edit.obfs.is_some() || edit.obfs_password.is_some() {
            changed.push("obfs");
            let kind = edit.obfs.unwrap_or(node.obfs);
            check_obfs(&mut fields, kind, edit.obfs_password.as_ref());
            node.obfs = kind;
            node.obfs_password_sealed = match &edit.obfs_password {
                Some(p) => Some(self.seal(&node.id, "obfs_password_sealed", p.expose_secret())?),
                None => None,
            };
        }
        if let Some(targets) = &edit.allow_targets {
            changed.push("allow_targets");
            node.allow_targets = plan::networks(&mut fields, "allow_targets", targets);
        }
        if let Some(own) = &edit.own_addresses {
            changed.push("own_addresses");
            node.own_addresses = plan::addresses(&mut fields, "own_addresses", own);
        }
        if edit.line_rate.is_some() {
            changed.push("line_rate");
            node.line_rate = edit.line_rate.flatten();
        }
        if edit.require_stats.is_some() {
            changed.push("require_stats");
            node.require_stats_seconds = edit.require_stats.flatten();
        }
        changed.extend(self.apply_stats(edit, node, &mut fields)?);
        fields.done()?;
        Ok(changed)
    }

    fn apply_stats(
        &self,
        edit: &EditNode,
        node: &mut Node,
        fields: &mut Fields,
    ) -> Result<Vec<&'static str>> {
        let mut changed = Vec::new();
        if let Some(words) = &edit.allow_plaintext {
            changed.push("allow_plaintext");
            node.allow_plaintext = plan::plaintext(fields, words)
                .iter()
                .map(|p| p.as_str().to_owned())
                .collect();
        }
        let accepted = plan::plaintext(fields, &node.allow_plaintext);
        if let Some(secret) = &edit.stats_secret {
            changed.push("stats_secret");
            let text = secret.expose_secret();
            fields.take("stats_secret", plan::header_secret(text));
            node.stats_secret_sealed = self.seal(&node.id, "stats_secret_sealed", text)?;
        }
        let url = match &edit.stats_url {
            Some(text) => {
                changed.push("stats_url");
                fields.take("stats_url", self.policy.stats_url(text))
            }
            None => Url::parse(&node.stats_url).ok(),
        };
        if let Some(url) = url {
            refuse_exposed(fields, plan::Path::Stats, &url, &accepted);
            node.stats_url = plan::origin(&url);
        }
        if edit.allow_plaintext.is_some() {
            let (hook, _) = self.policy.hook_base()?;
            refuse_exposed(fields, plan::Path::Hook, &hook, &accepted);
        }
        Ok(changed)
    }

    /// Changes what is given and leaves the rest.
    pub async fn edit(
        &self,
        principal: &str,
        which: &Named,
        edit: &EditNode,
        seen: &Seen,
    ) -> Result<NodeDetail> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                let mut node = locked(conn, which).await?;
                let version = node.version;
                let mut changed = self.apply(edit, &mut node)?;
                changed.extend(edit.flag(&mut node, now)?);
                // what could not be done anyhow is said first
                seen.check(version)?;
                refuse_second(conn, Some(node.number), &node.stats_url).await?;
                self.note(conn, &mut node, principal, "update", now).await?;
                let node = nodes::update(conn, &node, now).await.map_err(taken)?;
                let trace = trace(principal, ("node.update", "node.updated"), &node, now)
                    .with(json!({ "fields": changed }));
                leave(conn, trace).await?;
                found(conn, &Named::Id(node.id.0)).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(detail)
    }
}
