//! Why a node's answer is no answer, in sentences that stand in `node list`.
use std::io;

/// What a read of the stats API can end in.
#[derive(Debug, thiserror::Error)]
pub enum StatsError {
    /// The server is there and does not take the secret.
    #[error("the stats secret is wrong (401)")]
    Unauthorized,
    /// The secret cannot stand in a header.
    #[error("the stats secret has characters that HTTP cannot carry")]
    SecretUnusable,
    /// The address is outside of what the settings allow.
    #[error("the address {0} is outside nodes.allowed_cidrs")]
    NotAllowed(String),
    /// No connection, or it broke.
    #[error("not reachable: {0}")]
    Unreachable(String),
    /// Something else answers there; redirects are never followed.
    #[error("answered with status {0}")]
    Status(u16),
    /// No byte for the time given.
    #[error("no byte for {0} s")]
    Silent(u64),
    /// Not finished in the time given.
    #[error("the answer was not complete after {0} s")]
    TooSlow(u64),
    /// More bytes than an answer may have.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// More entries than an answer may have.
    #[error("the answer has more than {0} entries")]
    TooMany(u64),
    /// The answer is not what Hysteria would say.
    #[error("the answer is not readable at byte {at}: {why}")]
    Malformed {
        /// Offset of the first byte that cannot be.
        at: u64,
        /// What is wrong there.
        why: &'static str,
    },
    /// The answer ended before it was complete.
    #[error("the answer breaks off after {0} bytes")]
    CutShort(u64),
    /// The file that keeps a clean-up's answer could not be written or read.
    #[error("the spool of the clean-up: {0}")]
    Spool(#[from] io::Error),
}

impl From<reqwest::Error> for StatsError {
    fn from(err: reqwest::Error) -> Self {
        // The address stands beside the message already, and the innermost cause says most.
        let err = err.without_url();
        let mut cause: &dyn std::error::Error = &err;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        Self::Unreachable(cause.to_string())
    }
}
