//! Rows into entries: ranges of users, nodes with their groups.
use crate::{
    admission::{
        Directory,
        directory::{CredentialRecord, DeviceEntry, NodeEntry, NodeState, Start, UserEntry},
    },
    models::{DeviceNo, GroupNo, NodeNo, UserNo},
    repositories::directory::{self as rows, CredentialRow, DeviceRow, NodeRow, UserRow},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures_util::{StreamExt, TryStreamExt, stream, try_join};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Users a range: a few MiB of rows in flight.
const RANGE: usize = 20_000;
/// From a range's first user to its last.
const AHEAD: i64 = 19_999;
/// How long revoked credentials are remembered (design, 3).
const REMEMBERED: TimeDelta = TimeDelta::days(30);

/// Shares equal lists: a million users are in few different sets of groups.
#[derive(Default)]
pub struct Shared {
    lists: HashSet<Arc<[GroupNo]>>,
}

impl Shared {
    fn list(&mut self, groups: &[GroupNo]) -> Arc<[GroupNo]> {
        if let Some(known) = self.lists.get(groups) {
            return known.clone();
        }
        let list: Arc<[GroupNo]> = groups.into();
        self.lists.insert(list.clone());
        list
    }
}

/// Loads every user and node. Gives the users whose entry is new or other than before.
pub async fn everything(
    conn: &mut AsyncPgConnection,
    directory: &Directory,
    shared: &mut Shared,
    now: DateTime<Utc>,
) -> QueryResult<Vec<UserNo>> {
    nodes(conn, directory, shared, None).await?;
    let last = rows::highest_user(conn).await?.map_or(0, |u| u.0);
    let conn: &AsyncPgConnection = conn;
    let mut changed = Vec::new();
    // one range ahead: the database reads it while the one before becomes entries
    let mut ranges = stream::iter((1..=last).step_by(RANGE))
        .map(|from| Range::fetch(conn, UserNo(from), UserNo(from + AHEAD), now))
        .buffered(2);
    while let Some(range) = ranges.try_next().await? {
        changed.extend(range.put(directory, shared));
    }
    directory.prune(now);
    Ok(changed)
}

/// Loads a range of users. Gives those whose entry is new or other than before.
pub async fn users(
    conn: &mut AsyncPgConnection,
    directory: &Directory,
    shared: &mut Shared,
    from: UserNo,
    to: UserNo,
    now: DateTime<Utc>,
) -> QueryResult<Vec<UserNo>> {
    Ok(Range::fetch(conn, from, to, now)
        .await?
        .put(directory, shared))
}

/// The rows of some users, with all that hangs on them.
struct Range {
    users: Vec<UserRow>,
    devices: Vec<DeviceRow>,
    credentials: Vec<CredentialRow>,
    groups: Vec<(UserNo, GroupNo)>,
    overrides: Vec<(UserNo, NodeNo, bool)>,
}

impl Range {
    async fn fetch(
        conn: &AsyncPgConnection,
        from: UserNo,
        to: UserNo,
        now: DateTime<Utc>,
    ) -> QueryResult<Self> {
        let (users, devices, credentials, groups, overrides) = try_join!(
            rows::users(conn, from, to),
            rows::devices(conn, from, to),
            rows::credentials(conn, from, to, now - REMEMBERED),
            rows::groups(conn, from, to),
            rows::overrides(conn, from, to),
        )?;
        Ok(Self {
            users,
            devices,
            credentials,
            groups,
            overrides,
        })
    }

    /// Makes entries of them. Gives the users whose entry is new or other than before.
    fn put(self, directory: &Directory, shared: &mut Shared) -> Vec<UserNo> {
        let mut devices = by_user(self.devices, |d| d.user_no);
        let mut credentials = by_user(self.credentials, |c| c.0);
        let mut groups = by_user(self.groups, |g| g.0);
        let mut overrides = by_user(self.overrides, |o| o.0);
        let mut changed = Vec::new();
        for row in self.users {
            let number = row.number;
            let groups: Vec<_> = groups.take(number).map(|(_, group)| group).collect();
            let overrides = overrides
                .take(number)
                .map(|(_, node, allowed)| (node, allowed))
                .collect();
            let entry = user(&row, devices.take(number), shared.list(&groups), overrides);
            let records: Vec<_> = credentials.take(number).filter_map(record).collect();
            if directory.user(number).is_none_or(|old| *old != entry) {
                changed.push(number);
            }
            directory.put_user(entry, &records);
        }
        changed
    }
}

/// Loads one node, or all; nodes that are gone are forgotten. Gives their numbers.
pub async fn nodes(
    conn: &mut AsyncPgConnection,
    directory: &Directory,
    shared: &mut Shared,
    only: Option<NodeNo>,
) -> QueryResult<Vec<NodeNo>> {
    let mut groups: HashMap<NodeNo, Vec<GroupNo>> = HashMap::new();
    for (node, group) in rows::node_groups(conn).await? {
        groups.entry(node).or_default().push(group);
    }
    let found = rows::nodes(conn, only).await?;
    let numbers: Vec<_> = found.iter().map(|n| n.number).collect();
    for row in found {
        let of_node = groups
            .get(&row.number)
            .map(Vec::as_slice)
            .unwrap_or_default();
        match node(&row, shared.list(of_node)) {
            Some(entry) => directory.put_node(&entry),
            None => directory.remove_node(row.number),
        }
    }
    if only.is_none() {
        let gone = directory
            .nodes()
            .into_iter()
            .map(|n| n.number)
            .filter(|n| !numbers.contains(n));
        gone.for_each(|number| directory.remove_node(number));
    }
    Ok(numbers)
}

fn user(
    row: &UserRow,
    devices: impl Iterator<Item = DeviceRow>,
    groups: Arc<[GroupNo]>,
    overrides: Box<[(NodeNo, bool)]>,
) -> UserEntry {
    let mut highest_device = DeviceNo(0);
    let live = devices
        .inspect(|d| highest_device = highest_device.max(d.number))
        .filter(|d| d.removed_at.is_none())
        .map(|d| DeviceEntry {
            number: d.number,
            credential_version: d.credential_version,
            max_connections: u16::try_from(d.max_connections).unwrap_or(1),
            on_conflict: d.on_conflict,
            blocked: d.blocked_at.is_some(),
        })
        .collect();
    let start = match row.activated_at {
        Some(_) => Start::Running,
        None if row.on_hold => Start::OnHold {
            valid_for: row.valid_for_seconds.and_then(TimeDelta::try_seconds),
        },
        None => Start::Fresh,
    };
    UserEntry {
        number: row.number,
        suspended: row.suspended_at.is_some() || row.deleted_at.is_some(),
        limited: row.quota.is_some_and(|quota| row.used >= quota),
        has_quota: row.quota.is_some(),
        paid: row.paid.unwrap_or(false),
        start,
        expires_ms: UserEntry::expiry(row.expires_at),
        online_limit: row.online_limit.and_then(|n| u32::try_from(n).ok()),
        groups,
        overrides,
        devices: live,
        highest_device,
    }
}

fn record((_, device, version, hash, revoked_at): CredentialRow) -> Option<CredentialRecord> {
    let hash = hash.try_into().ok()?;
    Some(CredentialRecord {
        device,
        version,
        hash,
        revoked_at,
    })
}

/// `None` for a deleted node, and for one whose secret's hash is no SHA-256.
fn node(row: &NodeRow, groups: Arc<[GroupNo]>) -> Option<NodeEntry> {
    if row.deleted_at.is_some() {
        return None;
    }
    let state = match (row.draining_at, row.disabled_at) {
        (Some(_), _) => NodeState::Draining,
        (None, Some(_)) => NodeState::Disabled,
        (None, None) => NodeState::Open,
    };
    Some(NodeEntry {
        number: row.number,
        name: row.name.as_str().into(),
        state,
        paid: row.paid,
        secret: row.hook_secret_hash.as_slice().try_into().ok()?,
        old_secret: row
            .old_hook_secret_hash
            .as_deref()
            .and_then(|h| h.try_into().ok()),
        secret_used_at: row.hook_secret_used_at,
        groups,
        require_stats: row
            .require_stats_seconds
            .and_then(|s| TimeDelta::try_seconds(s.into())),
        counts: Arc::default(),
    })
}

/// Rows that come ordered by user, taken user by user.
struct ByUser<T, K> {
    rows: std::iter::Peekable<std::vec::IntoIter<T>>,
    key: K,
}

fn by_user<T, K: Fn(&T) -> UserNo>(rows: Vec<T>, key: K) -> ByUser<T, K> {
    ByUser {
        rows: rows.into_iter().peekable(),
        key,
    }
}

impl<T, K: Fn(&T) -> UserNo> ByUser<T, K> {
    fn take(&mut self, user: UserNo) -> impl Iterator<Item = T> + '_ {
        let Self { rows, key } = self;
        while rows.next_if(|row| key(row) < user).is_some() {}
        std::iter::from_fn(move || rows.next_if(|row| key(row) == user))
    }
}
