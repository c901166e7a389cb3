//! Who is online, and who must go. By level: every answer is compared with the directory, whatever made it so.
use super::{Reader, Trouble};
use crate::{
    admission::{Code, ConnectionId, concurrency::Listed},
    repositories::connections::{self, NewConnection, OnlineChange, Open as OpenRow},
    services::enforcement::to_kick,
};
use chrono::{DateTime, Utc};
use std::collections::{HashMap, HashSet};

/// Answers in a row that must lack a connection before it has ended.
const ABSENCES: u8 = 2;

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    missing: u8,
    kicked: bool,
}

/// The connections that a node has open.
#[derive(Debug, Default)]
pub(super) struct Open {
    ids: HashMap<Box<str>, Seen>,
    /// Listed ids that the directory did not know: judged again with the next answer.
    unknown: HashSet<Box<str>>,
}

impl Open {
    pub(super) fn load(&mut self, rows: Vec<OpenRow>) {
        self.ids = rows
            .into_iter()
            .map(|row| {
                let seen = Seen {
                    missing: 0,
                    kicked: row.kicked,
                };
                (row.id.into(), seen)
            })
            .collect();
    }

    /// Somebody was told to go and is not gone yet.
    pub(super) fn is_kicking(&self) -> bool {
        !self.unknown.is_empty() || self.ids.values().any(|seen| seen.kicked)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// It was told to go: by a former reader, or by an admin whom only the row knows of.
    fn was_told_to_go(&self, id: &str) -> bool {
        self.ids.get(id).is_some_and(|seen| seen.kicked)
    }

    /// Applies an answer; gives what must be written.
    fn observe(
        &mut self,
        listed: &[(&str, ConnectionId)],
        kicked: &HashSet<&str>,
        node: i64,
        at: DateTime<Utc>,
    ) -> OnlineChange {
        let mut change = OnlineChange::default();
        for seen in self.ids.values_mut() {
            seen.missing = seen.missing.saturating_add(1);
        }
        for (text, id) in listed {
            let seen = self.ids.entry((*text).into()).or_insert_with(|| {
                change.appeared.push(NewConnection {
                    id: (*text).into(),
                    node,
                    user: id.user.0,
                    device: id.device.0,
                    credential_version: id.credential_version,
                    addr: None,
                    admitted_at: at,
                });
                Seen::default()
            });
            seen.missing = 0;
            if kicked.contains(text) {
                if !seen.kicked {
                    change.kicked.push((*text).into());
                }
                seen.kicked = true;
            }
        }
        self.ids.retain(|id, seen| {
            let ended = seen.missing >= ABSENCES;
            if ended {
                change.ended.push(id.clone());
            }
            !ended
        });
        change
    }
}

impl Reader {
    /// Asks who is online, tells the leases, kicks who may not be, and writes down what changed.
    pub(super) async fn look_who_is_online(&mut self, after_read: bool) -> Result<(), Trouble> {
        let asked_at = self.now();
        let online = self.client.online().await.map_err(Trouble::Node)?;
        let now = self.now();
        let node = self.lease.node;
        let keys = self.context.accounting.keys.clone();
        let listed: Vec<(&str, ConnectionId)> = online
            .keys()
            .filter_map(|text| Some((&**text, keys.parse(node, text)?)))
            .collect();
        let told: Vec<Listed<'_>> = listed
            .iter()
            .map(|(text, id)| Listed {
                id: text,
                user: id.user,
                device: id.device,
            })
            .collect();
        let displaced = self
            .context
            .leases
            .observe(node, asked_at, &told)
            .await
            .kick;
        let mut refused = to_kick(&self.context.directory, node, listed.iter().copied(), now);
        if refused
            .unknown
            .iter()
            .any(|text| self.open.unknown.contains(*text))
            && self.context.keeper.caught_up().await.is_ok()
        {
            // unknown a round ago, and still unknown to a directory that holds everything: nobody's
            refused = to_kick(&self.context.directory, node, listed.iter().copied(), now);
            let nobody = refused
                .unknown
                .extract_if(.., |text| self.open.unknown.contains(*text))
                .map(|text| (text, Code::UnknownCredential));
            refused.kick.extend(nobody);
        }
        let mut kick: HashSet<&str> = refused.kick.iter().map(|(text, _)| *text).collect();
        self.open.unknown = refused.unknown.iter().map(|text| (*text).into()).collect();
        let refused_now: Vec<Listed<'_>> = told
            .iter()
            .copied()
            .filter(|entry| kick.contains(entry.id))
            .collect();
        if !refused_now.is_empty() {
            self.context.leases.displace(node, &refused_now).await;
        }
        // only ids of this very answer: a mark on one that is offline would wait for its next login
        kick.extend(
            displaced
                .iter()
                .filter_map(|id| online.get_key_value(&**id))
                .map(|(text, _)| &**text),
        );
        // once begun, a kick goes on until the connection is gone
        kick.extend(
            listed
                .iter()
                .map(|(text, _)| *text)
                .filter(|text| self.open.was_told_to_go(text)),
        );
        self.kick(&kick, &refused.kick).await?;
        self.note_online(&listed);
        let change = self.open.observe(&listed, &kick, node.0, asked_at);
        if !change.is_empty() {
            let mut conn = self.conn().await?;
            connections::update_online(&mut conn, &change, asked_at).await?;
        }
        if after_read && let Some(state) = self.state.as_mut() {
            let strangers = online.len().saturating_sub(listed.len());
            self.dead = state.baseline.bury(|id| online.contains_key(id));
            self.dead += state.baseline.bury_beyond(strangers);
        }
        Ok(())
    }

    async fn kick(&self, ids: &HashSet<&str>, why: &[(&str, Code)]) -> Result<(), Trouble> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut ids: Vec<&str> = ids.iter().copied().collect();
        ids.sort_unstable();
        self.client.kick(&ids).await.map_err(Trouble::Node)?;
        self.context
            .accounting
            .metrics
            .kicks
            .with_label_values(&[&self.source.name])
            .inc_by(u64::try_from(ids.len()).unwrap_or_default());
        tracing::info!(
            node = self.source.name,
            kicked = ids.len(),
            first_code = why.first().map(|(_, code)| code.as_str()),
            "kicked who may not go on"
        );
        Ok(())
    }

    fn note_online(&self, listed: &[(&str, ConnectionId)]) {
        let devices: HashSet<i64> = listed.iter().map(|(_, id)| id.device.0).collect();
        self.context
            .accounting
            .metrics
            .devices_online
            .with_label_values(&[&self.source.name])
            .set(i64::try_from(devices.len()).unwrap_or_default());
    }
}
