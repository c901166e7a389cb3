//! What held counters look like, and how they are asked for.
use crate::services::quarantine::{QuarantineDetail, Resolution};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Counters that were read and not credited.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuarantineView {
    pub number: i64,
    /// The node's name.
    pub node: Option<String>,
    pub connection_id: String,
    pub generation: i64,
    /// Why they were held.
    pub reason: &'static str,
    pub tx: i64,
    pub rx: i64,
    pub first_seen_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub resolved_at: Option<DateTime<Utc>>,
    /// `credited`, `dropped` or `healed`; `null`: open.
    pub resolution: Option<&'static str>,
}

impl From<QuarantineDetail> for QuarantineView {
    fn from(detail: QuarantineDetail) -> Self {
        let entry = detail.entry;
        Self {
            number: entry.number,
            node: detail.node,
            connection_id: entry.connection_id,
            generation: entry.generation,
            reason: entry.reason.as_str(),
            tx: entry.tx,
            rx: entry.rx,
            first_seen_at: entry.first_seen_at,
            last_seen_at: entry.last_seen_at,
            resolved_at: entry.resolved_at,
            resolution: entry.resolution.map(Resolution::as_str),
        }
    }
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQuarantine {
    /// At most 100.
    pub limit: Option<i64>,
    pub cursor: Option<String>,
    /// Id or name.
    pub node: Option<String>,
    /// Decided ones too.
    #[serde(default)]
    pub all: bool,
}
