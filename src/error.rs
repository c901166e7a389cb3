//! What can go wrong, in the domain's words. No HTTP here: `handlers/problem.rs` maps these to answers, in one place.
use diesel_async::pooled_connection::deadpool::PoolError;

/// One thing that is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field as the caller wrote it, dotted for nested ones.
    pub field: String,
    /// What is wrong with it, as a sentence without a full stop.
    pub message: String,
}

/// A situation that a caller can run into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such object.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Values that cannot be taken; nothing was changed.
    #[error("invalid: {}", .0.iter().map(|f| format!("{}: {}", f.field, f.message)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// A body that is not JSON.
    #[error("the body is not valid JSON: {0}")]
    Malformed(String),
    /// A body over the limit, in bytes.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// A body that does not arrive.
    #[error("the body took too long to arrive")]
    Slow,
    /// A body that does not say it is JSON.
    #[error("the body must be sent as application/json")]
    ContentType,
    /// Another object has this value already.
    #[error("{0}")]
    Duplicate(String),
    /// A body that is not the form it should be.
    #[error("the body must be sent as application/x-www-form-urlencoded")]
    FormNeeded,
    /// Something secret in a URL, perhaps.
    #[error("passwords go into the body: what stands in a URL is kept in logs and histories")]
    PasswordInUrl,
    /// The owner has all the devices it may have.
    #[error("the user's limit of {0} devices is reached")]
    DeviceLimit(i32),
    /// The object is not what the caller saw any more.
    #[error("the object was changed since: read it again")]
    Changed,
    /// A request with the same `Idempotency-Key` is being worked on.
    #[error("a request with this Idempotency-Key is being worked on")]
    InFlight,
    /// Another request had the same `Idempotency-Key`.
    #[error("another request had this Idempotency-Key: give each its own")]
    KeyReused,
    /// A route that answers, but whose feature is not built yet.
    #[error("{0} is not built yet")]
    NotBuilt(&'static str),
    /// The object's state does not allow it.
    #[error("{0}")]
    State(String),
    /// Nobody known asks.
    #[error("credentials are missing or not valid")]
    Unauthenticated,
    /// Somebody known asks for what it may not do.
    #[error("this needs the scope {0}")]
    Forbidden(&'static str),
    /// Somebody known asks for what stands above it.
    #[error("accounts with the role {0} are not yours to manage")]
    Rank(&'static str),
    /// A machine asks for what only a person can do.
    #[error("this needs a login of a person")]
    NeedsLogin,
    /// A person asks for what needs a fresh proof of who it is.
    #[error("prove again who you are: the last proof is older than 5 minutes")]
    NotFresh,
    /// Name and password do not belong together.
    #[error("name, password or code are wrong")]
    BadLogin,
    /// Too often; in so many seconds again.
    #[error("too many tries: wait {0} s")]
    TooMany(u64),
    /// What is not allowed here at all.
    #[error("{1}")]
    Refused(&'static str, &'static str),
    /// A store is away; try again.
    #[error("{0} is not available")]
    Unavailable(&'static str),
    /// A node did not do what was asked.
    #[error("the node's stats API: {0}")]
    Stats(String),
    /// The database refused.
    #[error(transparent)]
    Database(#[from] diesel::result::Error),
    /// No connection to the database.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A defect or a broken installation; the text is for the log only.
    #[error("{0:#}")]
    Internal(#[from] anyhow::Error),
}

/// The house's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A single wrong field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError {
            field: field.into(),
            message: message.into(),
        }])
    }
}

/// Names the constraint that a write ran into, so that a service can turn it into its own error.
pub fn violated(err: &diesel::result::Error) -> Option<&str> {
    match err {
        diesel::result::Error::DatabaseError(_, info) => info.constraint_name(),
        _ => None,
    }
}
