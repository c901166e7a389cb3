//! What was found.
use serde::Serialize;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Result {
    /// As it should be.
    Pass,
    /// It works, but somebody should look.
    Warn,
    /// It does not work.
    Fail,
}

impl Result {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub check: &'static str,
    pub result: Result,
    pub detail: String,
}

impl Finding {
    /// As it should be.
    pub fn pass(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            result: Result::Pass,
            detail: detail.into(),
        }
    }
    /// It works, but somebody should look.
    pub fn warn(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            result: Result::Warn,
            detail: detail.into(),
        }
    }
    /// It does not work.
    pub fn fail(check: &'static str, detail: impl Into<String>) -> Self {
        Self {
            check,
            result: Result::Fail,
            detail: detail.into(),
        }
    }
    /// Whether the verb fails for it.
    pub fn is_bad(&self) -> bool {
        self.result == Result::Fail
    }
}
