//! How events and refusals are asked for.
use serde::Deserialize;
use utoipa::IntoParams;

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEvents {
    /// At most 100.
    pub limit: Option<i64>,
    /// The `next_cursor` of the answer before, or `start`; absent: the newest ones.
    pub after: Option<String>,
    /// The same as `after`.
    pub cursor: Option<String>,
    /// Seconds to wait for something to happen, at most 30.
    #[param(maximum = 30)]
    pub wait: Option<u64>,
}

/// Whose refusals.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDecisions {
    /// At most 100.
    pub limit: Option<i64>,
    /// Id or name: that user's last refusals.
    pub user: Option<String>,
    /// Refusals of credentials that nobody has.
    #[serde(default)]
    pub unknown: bool,
}
