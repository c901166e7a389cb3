//! A user's logins, and its way to a new password.
use crate::cli::{
    console::Console,
    failure::Failure,
    output::{Column, card, instant, text},
    path::Path,
};
use serde_json::Value;

const COLUMNS: &[Column] = &[
    Column::left("SINCE", |s| instant(s, "created_at")),
    Column::left("USED", |s| instant(s, "used_at")),
    Column::left("FROM", |s| text(s, "addr")),
    Column::left("CLIENT", |s| text(s, "user_agent")),
    Column::left("ID", |s| text(s, "id")),
];

fn linked(link: &Value) -> String {
    card(&[
        ("link", text(link, "url")),
        ("expires", instant(link, "expires_at")),
    ])
}

/// Prints a link by which the user sets a new password.
pub async fn reset_password(user: &str, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["users", user, "password-link"])?;
    let answer = on.api.post(&path, None).await?;
    on.out.answer(&answer, linked)
}

/// Lists its logins.
pub async fn list(user: &str, limit: Option<u64>, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["users", user, "sessions"])?;
    on.list(path, COLUMNS, limit, "no logins").await
}

/// Ends one of them, or all.
pub async fn logout(user: &str, login: Option<&str>, on: &mut Console) -> Result<(), Failure> {
    if let Some(login) = login {
        let path = Path::of(&["users", user, "sessions", login])?;
        let answer = on.api.delete(&path).await?;
        return on.done(&answer, &format!("login {login} of user {user} is ended"));
    }
    let path = Path::of(&["users", user, "sessions"])?;
    let answer = on.api.delete(&path).await?;
    on.done(&answer, &format!("all logins of user {user} are ended"))
}
