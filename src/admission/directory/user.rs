//! A user as admission sees it: flags instead of rows, its devices inside.
use super::node::NodeEntry;
use crate::{
    admission::decision::Code,
    models::{DeviceNo, GroupNo, NodeNo, OnConflict, UserNo},
};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

/// The expiry of those who never expire.
const NEVER: i64 = i64::MAX;

/// Whether its clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It was admitted before.
    Running,
    /// Never admitted yet, as far as this replica knows; nothing hangs on it but the first admission's instant.
    Fresh,
    /// On hold: it expires `valid_for` after its first admission; `None`: never.
    OnHold { valid_for: Option<TimeDelta> },
}

/// One immutable state of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "flags instead of rows")]
pub struct UserEntry {
    pub number: UserNo,
    /// Suspended or deleted.
    pub suspended: bool,
    /// Used up its quota, as the last crossing said.
    pub limited: bool,
    pub has_quota: bool,
    /// Its plan is a paid one.
    pub paid: bool,
    pub start: Start,
    /// Milliseconds since 1970; `i64::MAX`: never.
    pub expires_ms: i64,
    /// Devices online at once.
    pub online_limit: Option<u32>,
    /// Shared with everybody in the same groups.
    pub groups: Arc<[GroupNo]>,
    /// Own rules, which go before those of the groups.
    pub overrides: Box<[(NodeNo, bool)]>,
    /// Live devices by number, ascending.
    pub devices: Box<[DeviceEntry]>,
    /// The highest number that a device of this user ever had; tells a removed device from one not yet known.
    pub highest_device: DeviceNo,
}

/// One live device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    pub number: DeviceNo,
    pub credential_version: i32,
    pub max_connections: u16,
    pub on_conflict: OnConflict,
    pub blocked: bool,
}

impl UserEntry {
    /// When it expires, as it is stored here.
    pub fn expiry(at: Option<DateTime<Utc>>) -> i64 {
        at.map_or(NEVER, |at| at.timestamp_millis())
    }

    /// When it expires; `None`: never.
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        if self.expires_ms == NEVER {
            None
        } else {
            DateTime::from_timestamp_millis(self.expires_ms)
        }
    }

    /// A live device of this user.
    pub fn device(&self, number: DeviceNo) -> Option<DeviceEntry> {
        let place = self
            .devices
            .binary_search_by_key(&number, |d| d.number)
            .ok()?;
        self.devices.get(place).copied()
    }

    /// Waits for its first admission.
    pub fn is_on_hold(&self) -> bool {
        matches!(self.start, Start::OnHold { .. })
    }

    /// Whether a device that is not live now was this user's before.
    pub fn has_had(&self, device: DeviceNo) -> bool {
        device <= self.highest_device
    }

    /// Whether this user and device would be refused wherever they ask.
    pub fn refused(&self, device: &DeviceEntry, now: DateTime<Utc>) -> Option<Code> {
        if self.suspended {
            Some(Code::UserSuspended)
        } else if !self.is_on_hold() && self.expires_ms <= now.timestamp_millis() {
            Some(Code::UserExpired)
        } else if self.limited {
            Some(Code::QuotaExceeded)
        } else if device.blocked {
            Some(Code::DeviceBlocked)
        } else {
            None
        }
    }

    /// Why this node takes this user from nowhere: no right to it, or no paid plan.
    pub fn refused_by(&self, node: &NodeEntry) -> Option<Code> {
        if !self.may_use(node) {
            Some(Code::NodeNotPermitted)
        } else if node.paid && !self.paid {
            Some(Code::PlanRequired)
        } else {
            None
        }
    }

    /// Deny > allow > groups; a node in no group admits nobody.
    pub fn may_use(&self, node: &NodeEntry) -> bool {
        self.overrides
            .iter()
            .find(|(number, _)| *number == node.number)
            .map_or_else(
                || node.groups.iter().any(|g| self.groups.contains(g)),
                |(_, allowed)| *allowed,
            )
    }

    /// The same user, its clock running since `at`.
    #[must_use]
    pub fn activated(&self, at: DateTime<Utc>) -> Self {
        let mut user = self.clone();
        if let Start::OnHold { valid_for } = self.start {
            user.expires_ms = Self::expiry(valid_for.and_then(|d| at.checked_add_signed(d)));
        }
        user.start = Start::Running;
        user
    }
}
