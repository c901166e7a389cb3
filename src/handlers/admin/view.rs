//! What reports look like.
use crate::{
    handlers::stats::OnlineView,
    models::{Status, UserId},
    services::{
        reports::{Compared, Ranked},
        rounds::Round,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// Bytes of a time, and of the time before it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComparedView {
    pub tx: i64,
    pub rx: i64,
    pub total: i64,
    /// The total of the time before.
    pub before: i64,
}

impl From<Compared> for ComparedView {
    fn from(compared: Compared) -> Self {
        Self {
            tx: compared.now.tx,
            rx: compared.now.rx,
            total: compared.now.total(),
            before: compared.before.total(),
        }
    }
}

/// Users of a status.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatusCount {
    pub status: Status,
    pub users: i64,
}

impl StatusCount {
    pub(super) fn list(counts: Vec<(Status, i64)>) -> Vec<Self> {
        let count = |(status, users)| Self { status, users };
        counts.into_iter().map(count).collect()
    }
}

/// Everything at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub struct DashboardView {
    pub users: Vec<StatusCount>,
    pub devices: i64,
    pub blocked_devices: i64,
    pub nodes: i64,
    pub disabled_nodes: i64,
    /// Their stats cannot be read now.
    pub unreadable_nodes: i64,
    pub online: OnlineView,
    pub today: ComparedView,
    /// Seven days with today.
    pub week: ComparedView,
    /// Thirty days with today.
    pub month: ComparedView,
    /// Events of the last 24 hours.
    pub alarms: i64,
    pub warnings: i64,
    /// Counters that are held and not decided.
    pub quarantine: i64,
    pub maintenance: bool,
    pub banner: Option<String>,
}

/// A user of a ranking.
#[derive(Debug, Serialize, ToSchema)]
pub struct RankedView {
    pub id: UserId,
    pub name: String,
    pub used_total: i64,
    pub used: i64,
    pub quota: Option<i64>,
    pub expires_at: Option<DateTime<Utc>>,
}

impl RankedView {
    pub(super) fn list(ranked: Vec<Ranked>) -> Vec<Self> {
        let view = |user: Ranked| Self {
            id: user.id,
            name: user.name,
            used_total: user.used_total,
            used: user.used,
            quota: user.quota,
            expires_at: user.expires_at,
        };
        ranked.into_iter().map(view).collect()
    }
}

/// Users who are worth a look, at most 20 a ranking.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsersReportView {
    pub by_status: Vec<StatusCount>,
    /// Most bytes since ever.
    pub most_used: Vec<RankedView>,
    /// Ends soonest.
    pub expiring: Vec<RankedView>,
    /// 80 percent of the quota and more.
    pub near_quota: Vec<RankedView>,
}

/// What background jobs have before them.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobsView {
    pub items: Vec<JobView>,
    /// The loops of the instance that answers.
    pub loops: Vec<LoopView>,
}

/// A loop of this instance.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoopView {
    pub name: String,
    /// Seconds between two rounds.
    pub every: f64,
    pub last_at: DateTime<Utc>,
    /// Seconds by which the next round has missed its time.
    pub late: f64,
    pub runs: u64,
    pub failures: u64,
    pub failed_at: Option<DateTime<Utc>>,
    /// What went wrong the last time that anything did.
    pub last_error: Option<String>,
}

impl From<(&'static str, Round, TimeDelta)> for LoopView {
    fn from((name, round, late): (&'static str, Round, TimeDelta)) -> Self {
        Self {
            name: name.to_owned(),
            every: round.every.as_secs_f64(),
            last_at: round.last_at,
            late: late.to_std().unwrap_or_default().as_secs_f64(),
            runs: round.runs,
            failures: round.failures,
            failed_at: round.failed_at,
            last_error: round.last_error,
        }
    }
}

/// A background job.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobView {
    pub job: String,
    /// How much waits.
    pub waiting: i64,
    /// Since when the oldest waits.
    pub oldest_at: Option<DateTime<Utc>>,
}
