//! What a node looks like, and what one is added and changed with.
use crate::{
    handlers::json::nullable,
    models::{NodeId, Obfs},
    services::nodes::{CreateNode, EditNode, NodeDetail, NodeReady, Test},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A node, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a label of its own")]
pub struct NodeView {
    pub id: NodeId,
    pub name: String,
    /// `host:port`, or `host:port,range` where clients hop.
    pub address: String,
    /// Takes logins.
    pub enabled: bool,
    /// `draining`, `disabled`, `unreadable`, `new` (never read yet) or `ok`: the first that holds.
    pub state: &'static str,
    /// Is deleted once it is drained.
    pub removing: bool,
    /// Label: good for games.
    pub gaming: bool,
    /// Label: good for streaming.
    pub streaming: bool,
    /// Only for users of a paid plan.
    pub paid: bool,
    pub sni: Option<String>,
    pub pin_sha256: Option<String>,
    pub obfs: Option<Obfs>,
    pub stats_url: String,
    /// Last merged read.
    pub stats_read_at: Option<DateTime<Utc>>,
    /// Why it cannot be read at present.
    pub stats_error: Option<String>,
    pub stats_failing_since: Option<DateTime<Utc>>,
    /// How often the server's map was seen emptied, plus one.
    pub generation: i64,
    /// Ids in the last answer.
    pub entries: i32,
    pub allow_plaintext: Vec<String>,
    pub allow_targets: Vec<String>,
    pub own_addresses: Vec<String>,
    /// Bytes a second in each direction.
    pub line_rate: Option<i64>,
    /// Seconds of unreadable stats after which users with a quota are refused.
    #[schema(minimum = 1, maximum = 86400)]
    pub require_stats: Option<i32>,
    pub groups: Vec<String>,
    /// The present version of its server's configuration.
    pub config_version: i32,
    /// Rises with each change; in quotes it is the ETag.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<NodeDetail> for NodeView {
    fn from(detail: NodeDetail) -> Self {
        let (node, reading) = (detail.node, detail.reading);
        let failing_since = reading.as_ref().and_then(|r| r.failing_since);
        let read_at = reading.as_ref().and_then(|r| r.read_at);
        let state = if node.draining_at.is_some() {
            "draining"
        } else if node.disabled_at.is_some() {
            "disabled"
        } else if failing_since.is_some() {
            "unreadable"
        } else if read_at.is_none() {
            "new"
        } else {
            "ok"
        };
        Self {
            enabled: node.is_open(),
            state,
            removing: node.removing,
            gaming: node.gaming,
            streaming: node.streaming,
            paid: node.paid,
            id: node.id,
            name: node.name,
            address: node.address,
            sni: node.sni,
            pin_sha256: node.pin_sha256,
            obfs: node.obfs,
            stats_url: node.stats_url,
            stats_read_at: read_at,
            stats_error: reading
                .as_ref()
                .filter(|_| failing_since.is_some())
                .and_then(|r| r.error.clone()),
            stats_failing_since: failing_since,
            generation: reading.as_ref().map_or(1, |r| r.generation),
            entries: reading.as_ref().map_or(0, |r| r.entries),
            allow_plaintext: node.allow_plaintext,
            allow_targets: node.allow_targets.iter().map(ToString::to_string).collect(),
            own_addresses: node
                .own_addresses
                .iter()
                .map(|net| net.addr().to_string())
                .collect(),
            line_rate: node.line_rate,
            require_stats: node.require_stats_seconds,
            groups: detail.groups,
            config_version: node.config_version,
            version: node.version,
            created_at: node.created_at,
            updated_at: node.updated_at,
        }
    }
}

/// What a look at a node's stats saw.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestView {
    pub ok: bool,
    /// Why it saw nothing.
    pub error: Option<String>,
    /// Ids that the server counts for.
    pub entries: Option<u64>,
    /// Bytes of the answer that held them.
    pub bytes: Option<u64>,
    /// Connections that are open.
    pub online: Option<u64>,
    pub took_ms: u64,
    /// Whether its server has used the hook with the present secret; `null`: none was rotated, and none was seen yet.
    pub secret_used_at: Option<DateTime<Utc>>,
    /// How far its clock is ahead of ours, in seconds; `null`: its answer did not say.
    pub clock_ahead: Option<i64>,
}

impl From<Test> for TestView {
    fn from(test: Test) -> Self {
        Self {
            ok: test.error.is_none(),
            error: test.error,
            entries: test.entries,
            bytes: test.bytes,
            online: test.online,
            took_ms: test.took_ms,
            secret_used_at: test.secret_used_at,
            clock_ahead: test.clock_ahead,
        }
    }
}

/// A node with everything that its operator needs. It holds the node's secrets.
#[derive(Serialize, ToSchema)]
pub struct NodeReadyView {
    #[serde(flatten)]
    pub node: NodeView,
    /// With the node's name and secret, which Hysteria sends as Basic auth.
    pub hook_url: String,
    /// The server's configuration.
    pub server_config: serde_json::Value,
    /// The same as YAML.
    pub server_config_yaml: String,
    /// What a first read of the stats saw; `null`: none was made.
    pub test: Option<TestView>,
    /// What should be known, in sentences.
    pub warnings: Vec<String>,
}

impl From<NodeReady> for NodeReadyView {
    fn from(ready: NodeReady) -> Self {
        Self {
            node: ready.detail.into(),
            hook_url: ready.config.hook_url.expose_secret().to_owned(),
            server_config: ready.config.json,
            server_config_yaml: ready.config.yaml,
            test: ready.test.map(Into::into),
            warnings: ready.warnings,
        }
    }
}

/// What a node is added with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateNodeBody {
    /// 1 to 63 of a-z, 0-9 and -; it stands in the hook URL and stays.
    #[schema(
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
    )]
    pub name: String,
    /// `host:port`, or `host:port,range` where clients hop.
    pub address: String,
    /// TLS server name; absent: the host.
    pub sni: Option<String>,
    /// SHA-256 of the leaf certificate in hex, checked by clients instead of a CA.
    pub pin_sha256: Option<String>,
    pub obfs: Option<Obfs>,
    #[schema(value_type = Option<String>)]
    pub obfs_password: Option<SecretString>,
    /// Scheme, host and port; they belong to one live node.
    pub stats_url: String,
    /// Absent: made here.
    #[schema(value_type = Option<String>)]
    pub stats_secret: Option<SecretString>,
    /// `hook`, `stats`: may cross a network unencrypted.
    #[serde(default)]
    pub allow_plaintext: Vec<String>,
    /// Networks that go ahead of the generated ACL's rejects.
    #[serde(default)]
    pub allow_targets: Vec<String>,
    /// The node's own addresses, which customers may not reach through it.
    #[serde(default)]
    pub own_addresses: Vec<String>,
    /// Bytes a second in each direction that the line can carry.
    #[schema(minimum = 65536)]
    pub line_rate: Option<i64>,
    /// Refuse users with a quota once the stats were unreadable for so many seconds.
    #[schema(minimum = 1, maximum = 86400)]
    pub require_stats: Option<i32>,
    /// Label: good for games.
    #[serde(default)]
    pub gaming: bool,
    /// Label: good for streaming.
    #[serde(default)]
    pub streaming: bool,
    /// Only for users of a paid plan.
    #[serde(default)]
    pub paid: bool,
    /// Absent: the group `default`.
    #[schema(max_items = 100)]
    pub groups: Option<Vec<String>>,
}

impl From<CreateNodeBody> for CreateNode {
    fn from(body: CreateNodeBody) -> Self {
        Self {
            name: body.name,
            address: body.address,
            sni: body.sni,
            pin_sha256: body.pin_sha256,
            obfs: body.obfs,
            obfs_password: body.obfs_password,
            stats_url: body.stats_url,
            stats_secret: body.stats_secret,
            allow_plaintext: body.allow_plaintext,
            allow_targets: body.allow_targets,
            own_addresses: body.own_addresses,
            line_rate: body.line_rate,
            require_stats: body.require_stats,
            gaming: body.gaming,
            streaming: body.streaming,
            paid: body.paid,
            groups: body.groups,
        }
    }
}

/// What to change of a node; absent leaves, `null` removes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditNodeBody {
    pub address: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub sni: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub pin_sha256: Option<Option<String>>,
    /// With its password, or `null`.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Obfs>)]
    pub obfs: Option<Option<Obfs>>,
    #[schema(value_type = Option<String>)]
    pub obfs_password: Option<SecretString>,
    pub stats_url: Option<String>,
    #[schema(value_type = Option<String>)]
    pub stats_secret: Option<SecretString>,
    pub allow_plaintext: Option<Vec<String>>,
    pub allow_targets: Option<Vec<String>>,
    pub own_addresses: Option<Vec<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i64>, minimum = 65536)]
    pub line_rate: Option<Option<i64>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<i32>)]
    pub require_stats: Option<Option<i32>>,
    pub gaming: Option<bool>,
    pub streaming: Option<bool>,
    pub paid: Option<bool>,
    pub enabled: Option<bool>,
}

impl From<EditNodeBody> for EditNode {
    fn from(body: EditNodeBody) -> Self {
        Self {
            address: body.address,
            sni: body.sni,
            pin_sha256: body.pin_sha256,
            obfs: body.obfs,
            obfs_password: body.obfs_password,
            stats_url: body.stats_url,
            stats_secret: body.stats_secret,
            allow_plaintext: body.allow_plaintext,
            allow_targets: body.allow_targets,
            own_addresses: body.own_addresses,
            line_rate: body.line_rate,
            require_stats: body.require_stats,
            gaming: body.gaming,
            streaming: body.streaming,
            paid: body.paid,
            enabled: body.enabled,
        }
    }
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListPage {
    /// At most 100.
    pub limit: Option<i64>,
    pub cursor: Option<String>,
}

/// How a node is deleted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DeleteNode {
    /// At once: what its server still counts is lost.
    #[serde(default)]
    pub abandon: bool,
}

/// How a node's hook secret is replaced.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RotateSecretBody {
    /// Refuse the old one at once instead of ten minutes after the new one's first use.
    #[serde(default)]
    pub now: bool,
}

/// Which two versions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Between {
    pub from: i32,
    pub to: i32,
}
