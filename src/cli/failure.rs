//! How a verb can fail, what is said then, and the exit code that says the same to a script.
use serde_json::{Value, json};
use std::{fmt, io, process::ExitCode};

/// The exit codes, as `HELP` and docs/cli.md list them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Refused, or failed on the way.
    Failed,
    /// The command line, or a value in it, cannot be taken.
    Usage,
    /// The program does not run, or cannot be reached.
    NotRunning,
    /// No such object.
    NotFound,
    /// Another object or the object's own state stands against it.
    Conflict,
    /// The asker is not known or may not do this.
    NotAllowed,
    /// A store is away: the same command may work in a moment.
    TryAgain,
}

/// What `--help` says about them.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  refused or failed
  2  the command line, or a value in it, cannot be taken; nothing was changed
  3  the program is not running, or cannot be reached
  4  no such user, device, node, group, …
  5  the name is taken, a limit is reached, or the object's state does not allow it
  6  no or a wrong token, or one without the scope
  7  the program runs, but its database is away; try again";

impl Exit {
    /// The number a shell sees.
    pub fn number(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotRunning => 3,
            Self::NotFound => 4,
            Self::Conflict => 5,
            Self::NotAllowed => 6,
            Self::TryAgain => 7,
        }
    }

    /// The kind of failure that an answer's status means.
    pub fn of_status(status: u16) -> Self {
        match status {
            400 | 413 | 415 | 422 => Self::Usage,
            401 | 403 => Self::NotAllowed,
            404 | 410 => Self::NotFound,
            409 | 412 => Self::Conflict,
            429 | 503 | 504 => Self::TryAgain,
            _ => Self::Failed,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.number().into()
    }
}

/// Why a verb did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Found out on this side, before anything was asked.
    Here {
        exit: Exit,
        code: &'static str,
        detail: String,
    },
    /// The API's own answer: a problem document.
    Answer { status: u16, problem: Value },
    /// Nobody reads the output any more.
    Closed,
}

impl Failure {
    /// A value that cannot be taken.
    pub fn usage(detail: impl Into<String>) -> Self {
        Self::here(Exit::Usage, "usage", detail)
    }
    /// An object that is not there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::here(Exit::NotFound, "not_found", detail)
    }
    /// Something that went wrong on the way.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::here(Exit::Failed, "failed", detail)
    }
    /// Nobody answers there.
    pub fn not_running(detail: impl Into<String>) -> Self {
        Self::here(Exit::NotRunning, "not_running", detail)
    }
    fn here(exit: Exit, code: &'static str, detail: impl Into<String>) -> Self {
        Self::Here {
            exit,
            code,
            detail: detail.into(),
        }
    }

    /// Whether the program may only be away for a moment.
    pub fn may_come_back(&self) -> bool {
        match self {
            Self::Here { exit, .. } => *exit == Exit::NotRunning,
            Self::Answer { status, .. } => Exit::of_status(*status) == Exit::TryAgain,
            Self::Closed => false,
        }
    }

    /// What the process ends with.
    pub fn exit(&self) -> ExitCode {
        match self {
            Self::Here { exit, .. } => (*exit).into(),
            Self::Answer { status, .. } => Exit::of_status(*status).into(),
            Self::Closed => ExitCode::SUCCESS,
        }
    }

    /// The same as a document, for `--json`.
    pub fn problem(&self) -> Value {
        match self {
            Self::Here { code, detail, .. } => json!({ "code": code, "detail": detail }),
            Self::Answer { problem, .. } => problem.clone(),
            Self::Closed => Value::Null,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here { detail, .. } => f.write_str(detail),
            Self::Closed => Ok(()),
            Self::Answer { status, problem } => {
                let text = |key| problem.get(key).and_then(Value::as_str);
                let fields = problem
                    .get("errors")
                    .and_then(Value::as_array)
                    .filter(|fields| !fields.is_empty());
                if let Some(fields) = fields {
                    for (n, field) in fields.iter().enumerate() {
                        let text = |key| field.get(key).and_then(Value::as_str).unwrap_or("");
                        let gap = if n == 0 { "" } else { "; " };
                        write!(f, "{gap}{}: {}", text("field"), text("message"))?;
                    }
                    return Ok(());
                }
                match text("detail").or_else(|| text("title")) {
                    Some(detail) => f.write_str(detail)?,
                    None => write!(f, "the answer was {status}")?,
                }
                match text("request_id").filter(|_| *status >= 500) {
                    Some(id) => write!(f, " (the log has more under request {id})"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Closed
        } else {
            Self::failed(error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_reads_as_a_sentence() {
        let answer = |status, problem| Failure::Answer { status, problem }.to_string();
        assert_eq!(
            answer(
                422,
                json!({"errors": [{"field": "name", "message": "is empty"}, {"field": "quota", "message": "is negative"}]})
            ),
            "name: is empty; quota: is negative"
        );
        assert_eq!(
            answer(404, json!({"detail": "user not found"})),
            "user not found"
        );
        assert_eq!(
            answer(
                500,
                json!({"title": "Internal Server Error", "request_id": "r1"})
            ),
            "Internal Server Error (the log has more under request r1)"
        );
        assert_eq!(answer(418, Value::Null), "the answer was 418");
    }
}
