//! One login from the hook to the answer: who asks, may they, is there a place, and what must be remembered of it.
//!
//! Nothing here waits for a disk or a network in the common case; with Redis, leases take one round trip.
mod aftermath;
mod log_gate;

pub use aftermath::{Aftermath, AftermathWriter, aftermath};

use crate::{
    admission::{
        AddrKey, Admittance, Ask, Code, ConnectionId, Directory, IdKeys, Memory, Refusal, Verdict,
        concurrency::{Claim, Taken},
        decide,
        directory::{NodeEntry, SecretIs, Start},
        is_own,
        recent::{Recent, Refused},
    },
    clock::{self, Clock},
    hysteria::hook::HookRequest,
    models::{CredentialKind, NodeNo, UserNo},
    services::{
        accounting::{Opened, OpenedConnection},
        directory::DirectoryKeeper,
        enforcement::Hurry,
        instance::Registration,
        leases::Leases,
    },
    telemetry::Metrics,
};
use chrono::{DateTime, Utc};
use log_gate::LogGate;
use prometheus::Histogram;
use sha2::{Digest, Sha256};
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::time::Instant;

/// What admission works with; built by the composition root.
pub struct Parts {
    pub directory: Arc<Directory>,
    pub keeper: Arc<DirectoryKeeper>,
    pub memory: Arc<Memory>,
    pub ids: Arc<IdKeys>,
    pub leases: Arc<Leases>,
    pub recent: Arc<Recent>,
    pub hurry: Arc<Hurry>,
    pub opened: Opened,
    pub aftermath: Aftermath,
    /// This process's place among the instances: without it nobody is admitted here.
    pub registration: Registration,
    pub metrics: Metrics,
    pub clock: Arc<dyn Clock>,
}

/// The service behind the hook.
pub struct Admission {
    parts: Parts,
    log: LogGate,
    /// Each node's histogram, resolved once.
    durations: papaya::HashMap<NodeNo, Histogram>,
    /// Hook requests that named no node or a wrong secret.
    strangers: AtomicU64,
}

/// What the hook answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Let in, under this id.
    Admitted(Arc<str>),
    /// Kept out.
    Refused(Code),
}

impl Admission {
    /// The service; `seed` keeps its bounded tables out of an outsider's reach.
    pub fn new(parts: Parts, seed: u64) -> Self {
        Self {
            parts,
            log: LogGate::new(seed),
            durations: papaya::HashMap::new(),
            strangers: AtomicU64::new(0),
        }
    }

    /// The node that calls, if name and secret are right. An unknown name costs the same as a wrong secret.
    pub fn caller(&self, name: &str, secret: &[u8]) -> Result<Arc<NodeEntry>, Code> {
        let hash: [u8; 32] = Sha256::digest(secret).into();
        let Some(node) = self.parts.directory.node_named(name) else {
            self.strangers.fetch_add(1, Relaxed);
            return Err(Code::NodeUnknown);
        };
        match node.check_secret(&hash, self.parts.clock.now()) {
            SecretIs::Present => {
                if node.old_secret.is_some() && node.secret_used_at.is_none() {
                    self.parts.aftermath.secret_used(node.number);
                }
                Ok(node)
            }
            SecretIs::Old => Ok(node),
            SecretIs::Wrong => {
                self.strangers.fetch_add(1, Relaxed);
                node.count(Code::NodeSecretBad);
                Err(Code::NodeSecretBad)
            }
        }
    }

    /// Waits until the directory was filled after a start; false when `deadline` came first.
    pub async fn is_filled(&self, deadline: Instant) -> bool {
        let keeper = &self.parts.keeper;
        // after the first moments nobody waits, and nobody asks what time it is
        keeper.is_filled()
            || keeper
                .wait_filled(deadline.saturating_duration_since(Instant::now()))
                .await
    }

    /// Answers one login. `request` is `None` where the body was no request.
    pub async fn admit(
        &self,
        node: &NodeEntry,
        request: Option<HookRequest<'_>>,
        deadline: Instant,
    ) -> Answer {
        let now = self.parts.clock.now();
        if !self.parts.registration.admits() {
            return self.refuse(
                node,
                Refusal {
                    code: Code::BackendError,
                    whom: None,
                },
                None,
                None,
                now,
            );
        }
        let Some(request) = request else {
            return self.refuse(
                node,
                Refusal {
                    code: Code::Malformed,
                    whom: None,
                },
                None,
                None,
                now,
            );
        };
        let addr = request.client_ip();
        let ask = Ask {
            node,
            auth: &request.auth,
            addr: addr.map(AddrKey::of),
        };
        let admittance = match decide(&self.parts.directory, &self.parts.memory, ask, now) {
            Verdict::Admit(admittance) => admittance,
            Verdict::Refuse(refusal) => {
                return self.refuse(node, refusal, addr, Some(&request.auth), now);
            }
        };
        let Some((id, claim)) = self.claim(node, &admittance, ask.addr) else {
            return self.refuse(
                node,
                Refusal {
                    code: Code::BackendError,
                    whom: None,
                },
                addr,
                None,
                now,
            );
        };
        let whom = Some((claim.user, claim.device));
        // where a legacy credential is in use it stays welcome, however many guess from there
        let legacy = !is_own(&request.auth);
        match self.parts.leases.take(&claim, deadline).await {
            Taken::Leased { displaced } => {
                for node in displaced {
                    self.parts.hurry.node(node);
                }
                if let Some(addr) = claim.addr.filter(|_| legacy) {
                    self.parts.memory.addresses.saw(claim.device, addr, now);
                }
                self.admitted(node, &admittance, &claim, &id, addr, now)
            }
            Taken::DeviceLimit => self.refuse(
                node,
                Refusal {
                    code: Code::DeviceLimit,
                    whom,
                },
                addr,
                None,
                now,
            ),
            Taken::DeviceConcurrency { braked_now } => {
                if braked_now {
                    self.parts
                        .aftermath
                        .braked(claim.user, claim.device, node.number, now);
                }
                self.refuse(
                    node,
                    Refusal {
                        code: Code::DeviceConcurrency,
                        whom,
                    },
                    addr,
                    None,
                    now,
                )
            }
        }
    }

    /// Mints the id and names the place that is asked for.
    fn claim(
        &self,
        node: &NodeEntry,
        who: &Admittance,
        addr: Option<AddrKey>,
    ) -> Option<(ConnectionId, Claim)> {
        let id = ConnectionId {
            user: who.user.number,
            device: who.device.number,
            credential_version: who.device.credential_version,
            nonce: clock::random(&*self.parts.clock),
        };
        let claim = Claim {
            user: id.user,
            device: id.device,
            node: node.number,
            id: self.parts.ids.mint(node.number, &id)?.into(),
            addr,
            max_connections: who.device.max_connections,
            on_conflict: who.device.on_conflict,
            online_limit: who.user.online_limit,
        };
        Some((id, claim))
    }

    fn admitted(
        &self,
        node: &NodeEntry,
        who: &Admittance,
        claim: &Claim,
        id: &ConnectionId,
        addr: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Answer {
        let first = who.user.start != Start::Running;
        if first {
            self.parts.directory.activate(claim.user, now);
        }
        let handed_over = self.parts.opened.try_send(OpenedConnection {
            id: claim.id.clone(),
            node: node.number,
            user: claim.user,
            device: claim.device,
            credential_version: id.credential_version,
            addr,
            admitted_at: now,
            activates: first,
        });
        if !handed_over {
            // the node's next report creates the row
            self.parts.metrics.opened_dropped.inc();
        }
        let code = if who.starts {
            Code::OkOnHoldStarted
        } else {
            Code::Ok
        };
        node.count(code);
        tracing::debug!(
            decision = code.as_str(),
            node = &*node.name,
            user = claim.user.0,
            device = claim.device.0,
            "login"
        );
        Answer::Admitted(claim.id.clone())
    }

    /// Counts, remembers and, once a second for each kind, logs a refusal.
    fn refuse(
        &self,
        node: &NodeEntry,
        refusal: Refusal,
        addr: Option<IpAddr>,
        auth: Option<&str>,
        now: DateTime<Utc>,
    ) -> Answer {
        node.count(refusal.code);
        let refused = Refused {
            at: now,
            code: refusal.code,
            node: node.number,
            device: refusal.whom.map(|(_, device)| device),
            addr,
            prefix: auth
                .filter(|_| refusal.whom.is_none())
                .and_then(|auth| self.prefix(auth)),
        };
        self.parts
            .recent
            .push(refusal.whom.map(|(user, _)| user), refused);
        if let Some(count) = self
            .log
            .passes(refusal.code, node.number, addr.map(AddrKey::of), now)
        {
            tracing::info!(
                decision = refusal.code.as_str(),
                node = &*node.name,
                user = refusal.whom.map(|(user, _)| user.0),
                device = refusal.whom.map(|(_, device)| device.0),
                client = addr.map(|a| a.to_string()),
                count,
                "login refused"
            );
        }
        Answer::Refused(refusal.code)
    }

    /// Enough of an unknown credential's keyed hash to tell two apart, and not the credential.
    fn prefix(&self, auth: &str) -> Option<u32> {
        let (_, hash) = self.parts.memory.keys.newest(CredentialKind::Bare, auth)?;
        let [a, b, c, d, ..] = hash;
        Some(u32::from_be_bytes([a, b, c, d]))
    }

    /// A user's last refusals, newest first.
    pub fn refusals_of(&self, user: UserNo) -> Vec<Refused> {
        self.parts.recent.of_user(user)
    }

    /// The last refusals of unknown credentials, newest first.
    pub fn unknown_refusals(&self, limit: usize) -> Vec<Refused> {
        self.parts.recent.unknown(limit)
    }

    /// The node's name, for views of refusals.
    pub fn node_name(&self, node: NodeNo) -> Option<String> {
        self.parts.directory.node(node).map(|n| n.name.to_string())
    }

    /// The directory that it decides from.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.parts.directory
    }

    /// Notes how long an answer took.
    pub fn took(&self, node: &NodeEntry, time: Duration) {
        let durations = self.durations.pin();
        durations
            .get_or_insert_with(node.number, || {
                self.parts
                    .metrics
                    .hook_duration
                    .with_label_values(&[&*node.name])
            })
            .observe(time.as_secs_f64());
    }

    /// Requests that named no node or a wrong secret.
    pub fn strangers(&self) -> u64 {
        self.strangers.load(Relaxed)
    }
}
