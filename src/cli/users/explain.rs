//! Why a user was refused.
use crate::cli::{
    console::{Console, items},
    failure::Failure,
    output::{Column, Table, instant, text},
    path::Path,
};
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column::left("AT", |d| instant(d, "at")),
    Column::left("CODE", |d| text(d, "code")),
    Column::left("NODE", |d| text(d, "node")),
    Column::left("DEVICE", |d| text(d, "device")),
    Column::left("ADDRESS", |d| text(d, "addr")),
    Column::left("MEANING", meaning),
];

/// Shows the last refusals, the newest first.
pub async fn explain(user: &str, on: &mut Console) -> Result<(), Failure> {
    let answer = on.api.get(&Path::of(&["users", user, "explain"])?).await?;
    on.out.answer(&answer, |answer| {
        let mut out = format!("{} is {}\n", text(answer, "user"), text(answer, "status"));
        let refusals = answer.get("refusals").unwrap_or(answer);
        match items(refusals) {
            Ok(rows) if !rows.is_empty() => out.push_str(&Table::new(COLUMNS).page(rows)),
            _ => out.push_str("no refusal since this instance started\n"),
        }
        out
    })
}

/// What a code says to somebody who does not know it, and what mends it.
pub fn meaning(decision: &Value) -> String {
    let code = decision
        .get("code")
        .and_then(Value::as_str)
        .unwrap_or_default();
    match code {
        "node_disabled" => "the node takes no logins: node enable",
        "rate_limited" => "too many wrong guesses from that address",
        "bad_secret" => "the secret was mistyped",
        "unknown_credential" => "no device has this secret",
        "device_revoked" => "removed or rotated: give it its new URI",
        "user_suspended" => "suspended: user activate",
        "user_expired" => "its time is over: user edit --expires",
        "quota_exceeded" => "its quota is used up: user edit --quota, or user reset-usage",
        "device_blocked" => "blocked: device unblock",
        "node_not_permitted" => "no right to this node: group add-node, or user allow",
        "plan_required" => "a paid node",
        "stats_unreadable" => "the node's counters cannot be read: node list",
        "device_limit" => "as many devices online as it may: user edit --online",
        "device_concurrency" => "two places use one device's secret",
        "maintenance_deny" => "maintenance",
        "backend_error" => "something failed here: see the log",
        "malformed" => "the node sent what cannot be read",
        _ => "",
    }
    .to_owned()
}
