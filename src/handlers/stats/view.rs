//! What figures look like, and how they are asked for.
use crate::services::{
    Services,
    reports::{Point, Step},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// This instance.
#[derive(Debug, Serialize, ToSchema)]
pub struct SystemView {
    pub version: &'static str,
    pub started_at: DateTime<Utc>,
    pub uptime_seconds: i64,
    /// Resident; `null` where the system does not tell.
    pub memory_bytes: Option<u64>,
    pub threads: Option<u64>,
    pub database_bytes: i64,
    pub pools: Vec<PoolView>,
    /// Whether Redis answers; `null` without Redis.
    pub redis_up: Option<bool>,
    pub directory: DirectoryView,
}

/// A pool of connections to the database.
#[derive(Debug, Serialize, ToSchema)]
pub struct PoolView {
    pub name: &'static str,
    pub size: usize,
    pub open: usize,
    pub idle: usize,
    pub waiting: usize,
}

/// What logins are decided from.
#[derive(Debug, Serialize, ToSchema)]
pub struct DirectoryView {
    pub users: usize,
    pub devices: usize,
    pub read_at: Option<DateTime<Utc>>,
    /// Filled, and follows the change log.
    pub ready: bool,
}

/// Who is online, as far as this instance knows.
#[derive(Debug, Serialize, ToSchema)]
pub struct OnlineView {
    pub users: usize,
    pub devices: usize,
    pub connections: usize,
    pub nodes: Vec<NodeOnlineView>,
}

/// Devices online on a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct NodeOnlineView {
    pub node: String,
    pub devices: usize,
}

impl OnlineView {
    pub(in crate::handlers) fn of(app: &Services) -> Self {
        let (online, nodes) = app.system.online();
        let nodes = nodes.into_iter();
        Self {
            users: online.users,
            devices: online.devices,
            connections: online.connections,
            nodes: nodes
                .map(|(node, devices)| NodeOnlineView { node, devices })
                .collect(),
        }
    }
}

/// The steps of a series.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepWord {
    Hour,
    Day,
}

impl From<StepWord> for Step {
    fn from(word: StepWord) -> Self {
        match word {
            StepWord::Hour => Self::Hour,
            StepWord::Day => Self::Day,
        }
    }
}

/// Which series.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SeriesQuery {
    /// `hour` or `day`.
    pub step: Option<StepWord>,
    /// Steps back from now, at most 1,000.
    pub points: Option<i64>,
    /// Of this user alone: id or name.
    pub user: Option<String>,
    /// Of this node alone: id or name.
    pub node: Option<String>,
}

/// Bytes of an hour or a day.
#[derive(Debug, Serialize, ToSchema)]
pub struct PointView {
    pub at: DateTime<Utc>,
    /// Upload.
    pub tx: i64,
    /// Download.
    pub rx: i64,
}

impl From<Point> for PointView {
    fn from(point: Point) -> Self {
        Self {
            at: point.at,
            tx: point.tx,
            rx: point.rx,
        }
    }
}

/// Bytes by hour or day; steps without a byte are left out.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesView {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub points: Vec<PointView>,
}
