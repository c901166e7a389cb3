//! An account: its limits, its window and its status, which is computed and never stored.
use super::{
    ids::{PlanNo, UserId, UserNo},
    word::words,
};
use crate::schema::users;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

words!(/** What a person may do in the panel and the API. */ Role {
    /** Its own account. */ User = "user",
    /** Sees all but secrets. */ Readonly = "readonly",
    /** Changes all but admins and the system. */ Admin = "admin",
    /** Everything. */ Superadmin = "superadmin",
});

words!(/** How often the quota starts again. */ Window {
    /** Never. */ None = "none",
    /** Each midnight of `settings.time_zone`. */ Day = "day",
    /** Each Monday's midnight. */ Week = "week",
    /** The first of each month. */ Month = "month",
    /** 30-day periods from the anchor. */ Rolling30 = "rolling-30",
});

words!(/** What a user is right now: the first that holds, in this order. */ Status {
    /** Deleted, restorable until erased. */ Deleted = "deleted",
    /** Suspended by an admin. */ Suspended = "suspended",
    /** Past its expiry. */ Expired = "expired",
    /** Over its quota. */ Limited = "limited",
    /** Its clock starts at the first admission. */ OnHold = "on_hold",
    /** None of these. */ Active = "active",
});

/// A row of `users`.
#[derive(Clone, Debug, HasQuery, Identifiable)]
#[diesel(table_name = users, check_for_backend(diesel::pg::Pg))]
pub struct User {
    pub id: UserId,
    pub number: UserNo,
    pub name: String,
    /// What the name looks like: unique.
    pub name_skeleton: Option<String>,
    /// The plan it was given last.
    pub plan_no: Option<PlanNo>,
    pub role: Role,
    pub note: String,
    /// Bytes a window, both directions together; `None`: unlimited.
    pub quota: Option<i64>,
    pub quota_window: Window,
    pub window_anchor: Option<DateTime<Utc>>,
    pub window_started_at: DateTime<Utc>,
    pub window_baseline: i64,
    pub used_total: i64,
    pub used: i64,
    pub warned_percent: i16,
    pub expires_at: Option<DateTime<Utc>>,
    pub on_hold: bool,
    pub valid_for_seconds: Option<i64>,
    pub activated_at: Option<DateTime<Utc>>,
    pub device_limit: Option<i32>,
    pub online_limit: Option<i32>,
    pub suspended_at: Option<DateTime<Utc>>,
    pub deleted_at: Option<DateTime<Utc>>,
    pub erased_at: Option<DateTime<Utc>>,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub email: Option<String>,
}

impl User {
    /// Its status at `now`, by the order of design section 9.
    pub fn status(&self, now: DateTime<Utc>) -> Status {
        if self.deleted_at.is_some() {
            Status::Deleted
        } else if self.suspended_at.is_some() {
            Status::Suspended
        } else if self.expires_at.is_some_and(|at| at <= now) {
            Status::Expired
        } else if self.is_limited() {
            Status::Limited
        } else if self.is_on_hold() {
            Status::OnHold
        } else {
            Status::Active
        }
    }
    /// Used up its quota in this window.
    pub fn is_limited(&self) -> bool {
        self.quota.is_some_and(|quota| self.used >= quota)
    }
    /// Waits for its first admission.
    pub fn is_on_hold(&self) -> bool {
        self.on_hold && self.activated_at.is_none()
    }
    /// How long it is valid once activated.
    pub fn valid_for(&self) -> Option<TimeDelta> {
        self.valid_for_seconds.map(TimeDelta::seconds)
    }
}
