//! What the audit looks like, and how it is asked for.
use crate::{
    models::{UserId, maybe_storable},
    services::audit::{AuditDetail, Finding, Flaw, Verified},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// One change, or one refused attempt.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    pub number: i64,
    /// Who: `cli:<uid>`, `token:<id>`, `user:<id>`, `system`.
    pub principal: String,
    /// What: `user.create`.
    pub action: String,
    /// Of what: `user:<id>`.
    pub subject: String,
    /// The user concerned, by name; empty once erased.
    pub user: Option<String>,
    pub user_id: Option<UserId>,
    /// The new values; no secrets.
    pub detail: Value,
    /// Personal values; gone once the user is erased.
    pub personal: Option<Value>,
    pub at: DateTime<Utc>,
}

impl From<AuditDetail> for AuditView {
    fn from(detail: AuditDetail) -> Self {
        let (user_id, user) = detail.user.unzip();
        let entry = detail.entry;
        Self {
            number: entry.number,
            principal: entry.principal,
            action: entry.action,
            subject: entry.subject,
            user,
            user_id,
            detail: entry.detail,
            personal: detail.personal,
            at: entry.at,
        }
    }
}

/// Which rows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAudit {
    /// At most 100.
    pub limit: Option<i64>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Only by this principal.
    pub principal: Option<String>,
    /// Only this action, or all of a noun: `user.`.
    pub action: Option<String>,
    /// Only of this subject: `user:<id>`.
    pub subject: Option<String>,
    /// Only about this user: id or name.
    pub user: Option<String>,
    /// From this instant on.
    #[serde(default, deserialize_with = "maybe_storable")]
    pub from: Option<DateTime<Utc>>,
    /// Up to this instant.
    #[serde(default, deserialize_with = "maybe_storable")]
    pub to: Option<DateTime<Utc>>,
}

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct VerifyAudit {
    /// The `next` of the call before; absent: from the beginning.
    pub after: Option<i64>,
}

/// What a look at the chain found.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerifiedView {
    /// Nothing is wrong with what was looked at.
    pub intact: bool,
    /// Links looked at.
    pub checked: i64,
    /// Go on after this one; `null`: that was all.
    pub next: Option<i64>,
    /// At most 100.
    pub findings: Vec<AuditFindingView>,
    /// Findings beyond those.
    pub more: u64,
    /// Rows that wait to be sealed, told with the last links.
    pub waiting: i64,
    /// Heads written down outside the database that agree.
    pub heads: usize,
}

/// Something that is wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditFindingView {
    pub flaw: Flaw,
    /// The place in the chain.
    pub sequence: Option<i64>,
    /// The audit row's number.
    pub number: Option<i64>,
}

impl From<Verified> for VerifiedView {
    fn from(verified: Verified) -> Self {
        let view = |finding: Finding| AuditFindingView {
            flaw: finding.flaw,
            sequence: finding.sequence,
            number: finding.number,
        };
        Self {
            intact: verified.findings.is_empty(),
            checked: verified.checked,
            next: verified.next,
            findings: verified.findings.into_iter().map(view).collect(),
            more: verified.more,
            waiting: verified.waiting,
            heads: verified.heads,
        }
    }
}
