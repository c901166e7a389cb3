//! Every code that a problem may carry, once: the OpenAPI document and docs/api.md are written from this list.
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

/// A stable word for programs.
#[derive(Clone, Copy, Debug)]
pub struct Code {
    /// The HTTP status that it comes with.
    pub status: u16,
    /// The word.
    pub word: &'static str,
    /// When it is said.
    pub because: &'static str,
}

const fn code(status: u16, word: &'static str, because: &'static str) -> Code {
    Code {
        status,
        word,
        because,
    }
}

/// All of them, by status.
pub const CODES: &[Code] = &[
    code(
        400,
        "ambiguous",
        "the head announces a length and pieces at once: somebody in between may see another end",
    ),
    code(
        400,
        "malformed",
        "the body is not JSON, or a text or the address holds U+0000",
    ),
    code(
        400,
        "no_socket",
        "`/ws` was asked for without the headers of a WebSocket",
    ),
    code(
        400,
        "password_in_url",
        "a password stands in the address, where logs keep it",
    ),
    code(
        401,
        "bad_login",
        "name, password or code are wrong; which of them, nobody is told",
    ),
    code(
        401,
        "unauthenticated",
        "no credentials, or none that are valid (any more)",
    ),
    code(
        403,
        "cross_origin",
        "the page that asks is of another origin, which is not allowed to",
    ),
    code(
        403,
        "csrf",
        "a browser's request without the token of its second cookie",
    ),
    code(403, "forbidden", "the scope is not held; `detail` names it"),
    code(
        403,
        "insecure_origin",
        "a secret would travel over plain HTTP, from elsewhere than this machine",
    ),
    code(
        403,
        "invite_needed",
        "the operator lets only those register who were invited",
    ),
    code(403, "login_needed", "only a person can do this for itself"),
    code(
        403,
        "not_fresh",
        "the last proof of who asks is older than 5 minutes: `POST /auth/confirm`",
    ),
    code(403, "origin", "pages of this origin may not open a socket"),
    code(
        403,
        "rank",
        "the account, or the role to be given, stands above the caller",
    ),
    code(403, "registration_off", "the operator lets nobody register"),
    code(
        403,
        "setup_token",
        "the link to the first superadmin is not valid, or not any more",
    ),
    code(
        403,
        "suspended",
        "the password is right, the account is suspended",
    ),
    code(
        403,
        "wrong_code",
        "a code of the second factor was asked for and is another, or was used before",
    ),
    code(
        403,
        "wrong_password",
        "the present password was asked for and is another",
    ),
    code(404, "no_route", "there is no such path"),
    code(
        404,
        "not_found",
        "there is no such object, or none within the caller's reach",
    ),
    code(
        405,
        "method",
        "the path has no such method; `Allow` names those it has",
    ),
    code(408, "slow", "the body took too long to arrive"),
    code(
        409,
        "device_limit",
        "the user has all the devices it may have",
    ),
    code(
        409,
        "duplicate",
        "another object has this name or secret already",
    ),
    code(
        409,
        "in_flight",
        "a request with the same `Idempotency-Key` is being worked on",
    ),
    code(
        409,
        "state",
        "the object's state does not allow it; `detail` says which",
    ),
    code(
        412,
        "changed",
        "the object is not the version that `If-Match` names any more",
    ),
    code(
        413,
        "too_large",
        "the body is longer than 64 KiB, or 4 KiB from somebody not known yet",
    ),
    code(414, "too_long", "the address is longer than 8 KiB"),
    code(415, "content_encoding", "the body is compressed"),
    code(
        415,
        "content_type",
        "the body is not sent as what it should be",
    ),
    code(
        422,
        "idempotency_key_reused",
        "another request had this `Idempotency-Key`",
    ),
    code(
        422,
        "invalid",
        "`errors` names each field that cannot be taken, and why; nothing was changed",
    ),
    code(
        429,
        "rate_limited",
        "too often; `Retry-After` says when again",
    ),
    code(431, "too_long", "the headers are longer than 16 KiB"),
    code(
        500,
        "internal",
        "a defect of the program; its log has more, under the request's id",
    ),
    code(
        501,
        "not_built",
        "a source design names this route, and it is not built yet",
    ),
    code(
        502,
        "stats",
        "the node's stats API did not do what was asked",
    ),
    code(503, "busy", "changes got in each other's way: try again"),
    code(503, "deadline", "the answer took too long"),
    code(503, "maintenance", "no changes are taken for now"),
    code(
        503,
        "not_ready",
        "the directory does not follow the database (yet)",
    ),
    code(503, "read_only", "the database takes no changes"),
    code(
        503,
        "unavailable",
        "a store, or a queue that is full, cannot be asked now: try again",
    ),
];

/// Those of a status.
pub fn of(status: u16) -> impl Iterator<Item = &'static Code> {
    CODES.iter().filter(move |code| code.status == status)
}

/// Whether a problem may say this.
pub fn is_known(status: u16, word: &str) -> bool {
    of(status).any(|code| code.word == word)
}

/// Any of the words.
pub fn schema() -> impl Into<RefOr<Schema>> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some("Stable word for programs."))
        .enum_values(Some(CODES.iter().map(|code| code.word)))
}

/// The table of docs/api.md.
pub fn table() -> String {
    let head = "| status | code | because |\n|---|---|---|\n".to_owned();
    let row = |code: &Code| format!("| {} | `{}` | {} |\n", code.status, code.word, code.because);
    std::iter::once(head).chain(CODES.iter().map(row)).collect()
}
