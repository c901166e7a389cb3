//! `hywarden audit …`: who did what, and whether that was changed since.
use super::{
    console::Console,
    failure::Failure,
    output::{Column, instant, text},
    path::Path,
};
use clap::Subcommand;
use serde_json::{Value, json};

/// Verbs on the audit.
#[derive(Subcommand, Debug)]
pub enum AuditVerb {
    /// List who did what, newest first
    List {
        /// Only about this user
        #[arg(long)]
        user: Option<String>,
        /// Only by this principal, such as cli:0 or token:ID
        #[arg(long, value_name = "PRINCIPAL")]
        by: Option<String>,
        /// Only this action, such as user.create, or all of a noun: user.
        #[arg(long)]
        action: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u64,
    },
    /// Verify the whole chain; exit code 1 when a row was edited, deleted, moved or cut off
    Verify,
}

const COLUMNS: &[Column] = &[
    Column::left("AT", |row| instant(row, "at")),
    Column::left("BY", |row| text(row, "principal")),
    Column::left("ACTION", |row| text(row, "action")),
    Column::left("SUBJECT", |row| text(row, "subject")),
    Column::left("USER", |row| text(row, "user")),
    Column::left("DETAIL", |row| text(row, "detail")),
];

/// Does a verb.
pub async fn run(verb: AuditVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        AuditVerb::List {
            user,
            by,
            action,
            limit,
        } => {
            let path = Path::of(&["audit"])?
                .with_some("user", user)
                .with_some("principal", by)
                .with_some("action", action);
            on.list(path, COLUMNS, Some(limit), "nothing yet").await
        }
        AuditVerb::Verify => verify(on).await,
    }
}

async fn verify(on: &mut Console) -> Result<(), Failure> {
    let (mut after, mut checked, mut more) = (0, 0, 0);
    let mut findings = Vec::new();
    let last = loop {
        let path = Path::of(&["admin", "audit", "verify"])?.with("after", &after);
        let part = on.api.post(&path, None).await?;
        let number = |key: &str| part.get(key).and_then(Value::as_i64);
        checked += number("checked").unwrap_or(0);
        more += number("more").unwrap_or(0);
        let found = part.get("findings").and_then(Value::as_array);
        findings.extend(found.into_iter().flatten().cloned());
        match number("next") {
            Some(next) => after = next,
            None => break part,
        }
    };
    let intact = findings.is_empty();
    let whole = json!({
        "intact": intact, "checked": checked, "findings": findings, "more": more,
        "waiting": last.get("waiting"), "heads": last.get("heads"),
    });
    on.out.answer(&whole, |whole| {
        let mut lines: Vec<String> = findings.iter().map(finding).collect();
        lines.push(if intact {
            format!(
                "intact: {checked} rows, {} heads outside the database agree, {} wait to be sealed",
                text(whole, "heads"),
                text(whole, "waiting")
            )
        } else {
            format!(
                "not intact: {checked} rows were looked at, {} findings",
                lines.len()
            )
        });
        lines.join("\n") + "\n"
    })?;
    if intact {
        Ok(())
    } else {
        Err(Failure::failed("the audit is not as it was written"))
    }
}

fn finding(finding: &Value) -> String {
    format!(
        "{}: place {}, row {}",
        text(finding, "flaw"),
        text(finding, "sequence"),
        text(finding, "number")
    )
}
