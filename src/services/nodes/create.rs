//! Adding a node.
use super::{NodeReady, Nodes, found, plan, secret, trace};
use crate::{
    error::{Error, Result, violated},
    hysteria::Address,
    models::{Named, NodeId, NodeNo, Obfs, name},
    repositories::{
        groups,
        nodes::{self, NewNode},
    },
    services::{
        fields::Fields,
        idempotency::Keep,
        store::leave,
        users::{MOST_GROUPS, memberships},
    },
};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use url::Url;
use validator::Validate;

/// What a node is added with.
#[derive(Clone, Debug, Default, Validate)]
pub struct CreateNode {
    pub name: String,
    /// `host:port`, or `host:port,range` where clients hop.
    pub address: String,
    pub sni: Option<String>,
    pub pin_sha256: Option<String>,
    pub obfs: Option<Obfs>,
    pub obfs_password: Option<SecretString>,
    pub stats_url: String,
    /// `None`: made here.
    pub stats_secret: Option<SecretString>,
    #[validate(length(max = plan::ENTRIES))]
    pub allow_plaintext: Vec<String>,
    #[validate(length(max = plan::ENTRIES))]
    pub allow_targets: Vec<String>,
    #[validate(length(max = plan::ENTRIES))]
    pub own_addresses: Vec<String>,
    #[validate(range(min = plan::SLOWEST, max = plan::FASTEST))]
    pub line_rate: Option<i64>,
    #[validate(range(min = 1, max = 86_400))]
    pub require_stats: Option<i32>,
    pub gaming: bool,
    pub streaming: bool,
    /// Only for users of a paid plan.
    pub paid: bool,
    /// `None`: the group `default`.
    #[validate(length(max = MOST_GROUPS))]
    pub groups: Option<Vec<String>>,
}

/// The same, checked.
struct Checked {
    name: String,
    address: String,
    sni: Option<String>,
    pin: Option<String>,
    stats_url: Url,
    plaintext: Vec<plan::Path>,
    targets: Vec<IpNet>,
    own: Vec<IpNet>,
}

impl Nodes {
    fn check(&self, create: &CreateNode) -> Result<Checked> {
        let mut fields = Fields::declared(create);
        let name = fields.take("name", name::label(&create.name));
        let address = fields.take("address", create.address.parse::<Address>());
        let sni = create
            .sni
            .as_deref()
            .and_then(|s| fields.take("sni", plan::sni(s)));
        let pin = create
            .pin_sha256
            .as_deref()
            .and_then(|pin| fields.take("pin_sha256", plan::pin(pin)));
        check_obfs(&mut fields, create.obfs, create.obfs_password.as_ref());
        if let Some(secret) = &create.stats_secret {
            fields.take("stats_secret", plan::header_secret(secret.expose_secret()));
        }
        let plaintext = plan::plaintext(&mut fields, &create.allow_plaintext);
        let targets = plan::networks(&mut fields, "allow_targets", &create.allow_targets);
        let own = plan::addresses(&mut fields, "own_addresses", &create.own_addresses);
        let stats_url = fields.take("stats_url", self.policy.stats_url(&create.stats_url));
        if let Some(url) = &stats_url {
            refuse_exposed(&mut fields, plan::Path::Stats, url, &plaintext);
        }
        let (hook, _) = self.policy.hook_base()?;
        refuse_exposed(&mut fields, plan::Path::Hook, &hook, &plaintext);
        let checked = name.zip(address).zip(stats_url);
        fields.done()?;
        let ((name, address), stats_url) =
            checked.ok_or_else(|| anyhow::anyhow!("a field was refused without a reason"))?;
        Ok(Checked {
            name,
            address: address.to_string(),
            sni,
            pin,
            stats_url,
            plaintext,
            targets,
            own,
        })
    }

    /// Adds a node, after a first look at its stats; a server that does not run yet is no reason not to.
    pub async fn create(
        &self,
        principal: &str,
        create: &CreateNode,
        keep: &Keep<'_, NodeReady>,
    ) -> Result<NodeReady> {
        let checked = self.check(create)?;
        let clock = &*self.store.clock;
        let stats_secret = create
            .stats_secret
            .clone()
            .unwrap_or_else(|| secret::fresh(clock));
        let hook_secret = secret::fresh(clock);
        let stats_url = plan::origin(&checked.stats_url);
        // before the row exists, so that nobody else reads there
        let test = self
            .first_look(checked.stats_url.clone(), stats_secret.clone())
            .await;
        let (id, now) = (NodeId(clock.uuid()), clock.now());
        let obfs_password_sealed = create
            .obfs_password
            .as_ref()
            .map(|p| self.seal(&id, "obfs_password_sealed", p.expose_secret()))
            .transpose()?;
        let new = NewNode {
            id,
            name: &checked.name,
            address: &checked.address,
            sni: checked.sni.as_deref(),
            pin_sha256: checked.pin.as_deref(),
            obfs: create.obfs,
            obfs_password_sealed,
            hook_secret_hash: secret::hash(&hook_secret),
            hook_secret_sealed: self.seal(
                &id,
                "hook_secret_sealed",
                hook_secret.expose_secret(),
            )?,
            stats_url: &stats_url,
            stats_secret_sealed: self.seal(
                &id,
                "stats_secret_sealed",
                stats_secret.expose_secret(),
            )?,
            allow_plaintext: checked.plaintext.iter().map(|p| p.as_str()).collect(),
            allow_targets: checked.targets,
            own_addresses: checked.own,
            line_rate: create.line_rate,
            require_stats_seconds: create.require_stats,
            gaming: create.gaming,
            streaming: create.streaming,
            paid: create.paid,
            created_at: now,
            updated_at: now,
        };
        let mut conn = self.store.conn().await?;
        let ready = conn
            .transaction(async |conn| {
                let groups = memberships(conn, create.groups.as_deref()).await?;
                refuse_second(conn, None, &stats_url).await?;
                let mut node = nodes::insert(conn, &new).await.map_err(taken)?;
                self.note(conn, &mut node, principal, "create", now).await?;
                nodes::set_config_version(conn, &node).await?;
                groups::add_node(conn, &groups, node.number).await?;
                let trace = trace(principal, ("node.create", "node.created"), &node, now)
                    .with(json!({ "name": node.name, "address": node.address }));
                leave(conn, trace).await?;
                let detail = found(conn, &Named::Id(id.0)).await?;
                let ready = self.ready(detail, Some(test.clone()))?;
                keep.answer(conn, &ready).await?;
                Ok::<_, Error>(ready)
            })
            .await?;
        self.store.caught_up(conn).await?;
        Ok(ready)
    }
}

/// A disguise and its password stand together.
pub(super) fn check_obfs(fields: &mut Fields, obfs: Option<Obfs>, password: Option<&SecretString>) {
    match (obfs, password) {
        (Some(_), None) => fields.wrong("obfs_password", "is required with obfs"),
        (None, Some(_)) => fields.wrong("obfs", "is required with obfs_password"),
        (Some(_), Some(password)) => fields.check(
            (4..=256).contains(&password.expose_secret().len())
                && !password.expose_secret().chars().any(char::is_control),
            "obfs_password",
            "must have 4 to 256 bytes, without control characters",
        ),
        (None, None) => {}
    }
}

/// Plain HTTP off loopback needs a word.
pub(super) fn refuse_exposed(
    fields: &mut Fields,
    path: plan::Path,
    url: &Url,
    accepted: &[plan::Path],
) {
    if plan::is_exposed(url) && !accepted.contains(&path) {
        let field = match path {
            plan::Path::Hook => "allow_plaintext",
            plan::Path::Stats => "stats_url",
        };
        fields.wrong(field, path.refusal(url));
    }
}

/// Two nodes on one server would count each other's bytes.
pub(super) async fn refuse_second(
    conn: &mut AsyncPgConnection,
    but: Option<NodeNo>,
    stats_url: &str,
) -> Result<()> {
    match nodes::with_stats_url(conn, but, stats_url).await? {
        Some(other) => Err(Error::Duplicate(format!(
            "node {other} has this stats URL: scheme, host and port belong to one node"
        ))),
        None => Ok(()),
    }
}

/// A name or a stats URL that another live node has.
pub(super) fn taken(error: diesel::result::Error) -> Error {
    match violated(&error) {
        Some("nodes_live_name_unique") => Error::Duplicate("another node has this name".to_owned()),
        Some("nodes_live_stats_unique") => Error::Duplicate(
            "another node has this stats URL: scheme, host and port belong to one node".to_owned(),
        ),
        _ => error.into(),
    }
}
