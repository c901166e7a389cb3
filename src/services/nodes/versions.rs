//! Every server configuration that a node had: written down with each change that makes it another one, compared, gone
//! back to. Going back is a change like any other and makes a new version; the hook's secret is never rolled back, for
//! one that was rotated away may be known to others.
use super::{
    NodeDetail, Nodes,
    create::{refuse_second, taken},
    found, locked, plan, trace,
};
use crate::{
    error::{Error, Result},
    keyring::Place,
    models::{Named, Node, NodeConfigRow, NodeNo, Obfs},
    repositories::{
        node_configs::{self, NewNodeConfig},
        nodes,
    },
    services::store::{Seen, leave},
};
use anyhow::Context;
use chrono::{DateTime, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

/// Versions of a node that are kept.
const KEPT: i32 = 100;
/// What stands in a comparison instead of a secret.
const SECRET: &str = "(secret)";

/// The settings that make a server's configuration, without secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Settings {
    address: String,
    sni: Option<String>,
    pin_sha256: Option<String>,
    obfs: Option<Obfs>,
    stats_url: String,
    allow_plaintext: Vec<String>,
    allow_targets: Vec<IpNet>,
    own_addresses: Vec<IpNet>,
    line_rate: Option<i64>,
}

/// A version, as it is listed.
#[derive(Clone, Debug)]
pub struct Version {
    pub version: i32,
    /// `create`, `update`, or `rollback` and the version.
    pub reason: String,
    pub made_by: String,
    pub at: DateTime<Utc>,
    /// It is in force.
    pub present: bool,
}

/// What differs between two versions of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where, as a JSON pointer.
    pub path: String,
    /// `None`: it was not there.
    pub from: Option<Value>,
    /// `None`: it is not there.
    pub to: Option<Value>,
}

impl Settings {
    fn of(node: &Node) -> Self {
        Self {
            address: node.address.clone(),
            sni: node.sni.clone(),
            pin_sha256: node.pin_sha256.clone(),
            obfs: node.obfs,
            stats_url: node.stats_url.clone(),
            allow_plaintext: node.allow_plaintext.clone(),
            allow_targets: node.allow_targets.clone(),
            own_addresses: node.own_addresses.clone(),
            line_rate: node.line_rate,
        }
    }

    fn onto(self, node: &mut Node) {
        node.address = self.address;
        node.sni = self.sni;
        node.pin_sha256 = self.pin_sha256;
        node.obfs = self.obfs;
        node.stats_url = self.stats_url;
        node.allow_plaintext = self.allow_plaintext;
        node.allow_targets = self.allow_targets;
        node.own_addresses = self.own_addresses;
        node.line_rate = self.line_rate;
    }
}

/// A node's secrets that belong to a version.
struct Secrets {
    obfs_password: Option<SecretString>,
    stats: SecretString,
}

impl Nodes {
    /// Writes down what a node's configuration is made from, if that is another one than before. Inside the transaction
    /// of the change, before the row is written.
    pub(super) async fn note(
        &self,
        conn: &mut AsyncPgConnection,
        node: &mut Node,
        principal: &str,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let present = self.secrets(node)?;
        let settings = Settings::of(node);
        if let Some(last) = node_configs::find(conn, node.number, node.config_version).await? {
            let before = self.secrets_of(node.number, &last)?;
            if settings_of(&last)? == settings && before.same(&present) {
                return Ok(());
            }
        }
        let version = node.config_version + 1;
        let row = row(node.number, version);
        let seal = |column, secret: &SecretString| {
            self.keyring
                .seal(&place(column, &row), secret.expose_secret())
        };
        let password = present.obfs_password.as_ref();
        let new = NewNodeConfig {
            node_no: node.number,
            version,
            reason,
            made_by: principal,
            settings: serde_json::to_value(&settings).context("a node's settings")?,
            obfs_password_sealed: password
                .map(|p| seal("obfs_password_sealed", p))
                .transpose()?,
            stats_secret_sealed: seal("stats_secret_sealed", &present.stats)?,
            created_at: at,
        };
        node_configs::insert(conn, &new, KEPT).await?;
        node.config_version = version;
        Ok(())
    }

    fn secrets(&self, node: &Node) -> Result<Secrets> {
        let password = node.obfs_password_sealed.as_ref();
        Ok(Secrets {
            obfs_password: password
                .map(|sealed| self.open(node, "obfs_password_sealed", sealed))
                .transpose()?,
            stats: self.open(node, "stats_secret_sealed", &node.stats_secret_sealed)?,
        })
    }

    fn secrets_of(&self, node: NodeNo, version: &NodeConfigRow) -> Result<Secrets> {
        let row = row(node, version.version);
        let password = version.obfs_password_sealed.as_ref();
        let open = |column, sealed: &Vec<u8>| self.keyring.open(&place(column, &row), sealed);
        Ok(Secrets {
            obfs_password: password
                .map(|sealed| open("obfs_password_sealed", sealed))
                .transpose()?,
            stats: open("stats_secret_sealed", &version.stats_secret_sealed)?,
        })
    }

    /// One page of a node's versions, the newest first.
    pub async fn versions(
        &self,
        which: &Named,
        before: Option<i32>,
        limit: i64,
    ) -> Result<Vec<Version>> {
        let mut conn = self.store.conn().await?;
        let node = found(&mut conn, which).await?.node;
        let rows = node_configs::list(&mut conn, node.number, before, limit).await?;
        let version = |row: NodeConfigRow| Version {
            present: row.version == node.config_version,
            version: row.version,
            reason: row.reason,
            made_by: row.made_by,
            at: row.created_at,
        };
        Ok(rows.into_iter().map(version).collect())
    }

    /// What differs between two versions of a node's configuration. Of secrets it says only that they differ.
    pub async fn compare(&self, which: &Named, from: i32, to: i32) -> Result<Vec<Difference>> {
        let mut conn = self.store.conn().await?;
        let detail = found(&mut conn, which).await?;
        let number = detail.node.number;
        let mut sides = Vec::new();
        for version in [from, to] {
            let row = version_of(&mut conn, number, version).await?;
            let secrets = self.secrets_of(number, &row)?;
            let mut of = detail.clone();
            settings_of(&row)?.onto(&mut of.node);
            // the generator gets no secret, so the comparison cannot show one
            of.node.obfs_password_sealed = match of.node.obfs {
                Some(_) => Some(self.seal(&of.node.id, "obfs_password_sealed", SECRET)?),
                None => None,
            };
            of.node.stats_secret_sealed = self.seal(&of.node.id, "stats_secret_sealed", SECRET)?;
            of.node.hook_secret_sealed = self.seal(&of.node.id, "hook_secret_sealed", "secret")?;
            sides.push((self.ready(of, None)?.config.json, secrets));
        }
        drop(conn);
        let [(a, before), (b, after)] = sides.as_slice() else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        differences("", Some(a), Some(b), &mut all);
        let changed = |path: &str| Difference {
            path: path.to_owned(),
            from: Some(SECRET.into()),
            to: Some("(another secret)".into()),
        };
        if before.stats.expose_secret() != after.stats.expose_secret() {
            all.push(changed("/trafficStats/secret"));
        }
        if let (Some(a), Some(b)) = (&before.obfs_password, &after.obfs_password)
            && a.expose_secret() != b.expose_secret()
        {
            all.push(changed("/obfs/password"));
        }
        Ok(all)
    }

    /// Goes back to a version: the node is changed to what it was made from, which is a new version.
    pub async fn roll_back(
        &self,
        principal: &str,
        which: &Named,
        version: i32,
        seen: &Seen,
    ) -> Result<NodeDetail> {
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let detail = conn
            .transaction(async |conn| {
                let mut node = locked(conn, which).await?;
                let row = version_of(conn, node.number, version).await?;
                seen.check(node.version)?;
                let secrets = self.secrets_of(node.number, &row)?;
                settings_of(&row)?.onto(&mut node);
                node.obfs_password_sealed = secrets
                    .obfs_password
                    .as_ref()
                    .map(|p| self.seal(&node.id, "obfs_password_sealed", p.expose_secret()))
                    .transpose()?;
                node.stats_secret_sealed = self.seal(
                    &node.id,
                    "stats_secret_sealed",
                    secrets.stats.expose_secret(),
                )?;
                self.still_allowed(&node)?;
                refuse_second(conn, Some(node.number), &node.stats_url).await?;
                let reason = format!("rollback {version}");
                self.note(conn, &mut node, principal, &reason, now).await?;
                let node = nodes::update(conn, &node, now).await.map_err(taken)?;
                let what = ("node.rollback", "node.config_rolled_back");
                let detail = json!({ "version": version, "as": node.config_version });
                leave(conn, trace(principal, what, &node, now).with(detail)).await?;
                found(conn, &Named::Id(node.id.0)).await
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(detail)
    }

    /// What was allowed once may not be any more: the settings, and what this program listens on, go on changing.
    fn still_allowed(&self, node: &Node) -> Result<()> {
        let mut fields = crate::services::fields::Fields::default();
        let accepted = plan::plaintext(&mut fields, &node.allow_plaintext);
        if let Some(url) = fields.take("stats_url", self.policy.stats_url(&node.stats_url)) {
            super::create::refuse_exposed(&mut fields, plan::Path::Stats, &url, &accepted);
        }
        let (hook, _): (Url, _) = self.policy.hook_base()?;
        super::create::refuse_exposed(&mut fields, plan::Path::Hook, &hook, &accepted);
        fields.done()
    }
}

impl Secrets {
    fn same(&self, other: &Self) -> bool {
        let text =
            |secret: &Option<SecretString>| secret.as_ref().map(|s| s.expose_secret().to_owned());
        text(&self.obfs_password) == text(&other.obfs_password)
            && self.stats.expose_secret() == other.stats.expose_secret()
    }
}

async fn version_of(
    conn: &mut AsyncPgConnection,
    node: NodeNo,
    version: i32,
) -> Result<NodeConfigRow> {
    node_configs::find(conn, node, version)
        .await?
        .ok_or(Error::NotFound("version"))
}

fn settings_of(row: &NodeConfigRow) -> Result<Settings> {
    let settings = serde_json::from_value(row.settings.clone());
    Ok(settings.with_context(|| format!("version {} of a node", row.version))?)
}

fn row(node: NodeNo, version: i32) -> String {
    format!("{node}.{version}")
}

fn place<'a>(column: &'static str, row: &'a str) -> Place<'a> {
    Place {
        table: "node_configs",
        column,
        row,
    }
}

/// Leaf by leaf; a list is one leaf.
fn differences(path: &str, from: Option<&Value>, to: Option<&Value>, all: &mut Vec<Difference>) {
    if let (Some(Value::Object(a)), Some(Value::Object(b))) = (from, to) {
        let added = b.keys().filter(|key| !a.contains_key(*key));
        for key in a.keys().chain(added) {
            let below = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
            differences(&below, a.get(key), b.get(key), all);
        }
    } else if from != to {
        all.push(Difference {
            path: path.to_owned(),
            from: from.cloned(),
            to: to.cloned(),
        });
    }
}
