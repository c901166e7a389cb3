//! A bundle of limits that users are given.
use super::{
    ids::{PlanId, PlanNo},
    user::Window,
};
use crate::schema::plans;
use chrono::{DateTime, Utc};
use diesel::prelude::*;

/// A row of `plans`.
#[derive(Clone, Debug, HasQuery, Identifiable)]
#[diesel(table_name = plans, check_for_backend(diesel::pg::Pg))]
pub struct Plan {
    pub id: PlanId,
    pub number: PlanNo,
    pub name: String,
    pub note: String,
    /// Bytes a window; `None`: unlimited.
    pub quota: Option<i64>,
    pub quota_window: Window,
    /// From its assignment to the expiry; `None`: the expiry stays.
    pub valid_for_seconds: Option<i64>,
    pub device_limit: Option<i32>,
    pub online_limit: Option<i32>,
    /// Its users may use paid nodes.
    pub paid: bool,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}
