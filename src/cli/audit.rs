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
    let mut sum = Sum::default();
    let mut after = 0;
    loop {
        let path = Path::of(&["admin", "audit", "verify"])?.with("after", &after);
        match sum.add(&on.api.post(&path, None).await?) {
            Some(next) => after = next,
            None => break,
        }
    }
    on.out.answer(&sum.whole(), |_| sum.lines())?;
    if sum.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::failed("the audit is not as it was written"))
    }
}

/// The parts of a chain, looked at one after the other.
#[derive(Default)]
struct Sum {
    checked: i64,
    heads: i64,
    /// Findings that are only counted.
    more: i64,
    /// Of the last part: what waits now.
    waiting: i64,
    findings: Vec<Value>,
}

impl Sum {
    /// One more part; where the next one begins, if there is one.
    fn add(&mut self, part: &Value) -> Option<i64> {
        let number = |key: &str| part.get(key).and_then(Value::as_i64);
        self.checked += number("checked").unwrap_or(0);
        self.heads += number("heads").unwrap_or(0);
        self.more += number("more").unwrap_or(0);
        self.waiting = number("waiting").unwrap_or(0);
        let found = part.get("findings").and_then(Value::as_array);
        self.findings.extend(found.into_iter().flatten().cloned());
        number("next")
    }

    fn whole(&self) -> Value {
        json!({
            "intact": self.findings.is_empty(), "checked": self.checked, "findings": self.findings, "more": self.more,
            "waiting": self.waiting, "heads": self.heads,
        })
    }

    fn lines(&self) -> String {
        let Self {
            checked,
            heads,
            waiting,
            ..
        } = self;
        let mut lines: Vec<String> = self.findings.iter().map(finding).collect();
        lines.push(if lines.is_empty() {
            format!(
                "intact: {checked} rows, {heads} heads outside the database agree, {waiting} wait to be sealed"
            )
        } else {
            let found = i64::try_from(lines.len()).unwrap_or(i64::MAX) + self.more;
            format!("not intact: {checked} rows were looked at, {found} findings")
        });
        lines.join("\n") + "\n"
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain of more links than one call looks at.
    #[test]
    fn parts_are_added_up() {
        let mut sum = Sum::default();
        let part = json!({"checked": 100_000, "heads": 40, "more": 0, "waiting": 0, "next": 100_000, "findings": []});
        assert_eq!(sum.add(&part), Some(100_000));
        let part = json!({"checked": 7, "heads": 2, "more": 0, "waiting": 3, "next": null, "findings": []});
        assert_eq!(sum.add(&part), None);
        assert_eq!(
            sum.lines(),
            "intact: 100007 rows, 42 heads outside the database agree, 3 wait to be sealed\n"
        );
        assert_eq!(sum.whole()["heads"], 42);
        let part = json!({"checked": 1, "heads": 0, "more": 5, "findings": [{"flaw": "cut", "sequence": 8}]});
        assert_eq!(sum.add(&part), None);
        assert!(
            sum.lines()
                .ends_with("not intact: 100008 rows were looked at, 6 findings\n")
        );
    }
}
