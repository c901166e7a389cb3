//! `hywarden invite …`: invitations to register.
use super::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, card, instant, text},
    path::Path,
    values::{Expiry, Size, expiry, size},
};
use crate::models::Role;
use clap::{Subcommand, builder::PossibleValuesParser};
use serde_json::Value;

/// Verbs on invitations.
#[derive(Subcommand, Debug)]
pub enum InviteVerb {
    /// Invite somebody and print the link, once
    Create {
        /// Only for this e-mail address
        #[arg(long)]
        email: Option<String>,
        /// What the person becomes
        #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.iter().map(|r| r.as_str())))]
        role: Option<String>,
        /// Bytes in each window, both directions together: 10GiB, 500MB, unlimited
        #[arg(long, value_name = "SIZE", value_parser = size)]
        quota: Option<Size>,
        /// How long the invitation is valid: 7d, 12h
        #[arg(long, value_name = "SPAN", value_parser = expiry)]
        expires: Option<Expiry>,
        /// A note for yourself
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// List invitations, newest first; their links are not kept
    List {
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Take an invitation back
    Revoke {
        /// Its id, as `invite list` shows it
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::left("EMAIL", |i| text(i, "email")),
    Column::left("ROLE", |i| text(i, "role")),
    Column::left("EXPIRES", |i| instant(i, "expires_at")),
    Column::left("USED", |i| instant(i, "used_at")),
    Column::left("REVOKED", |i| instant(i, "revoked_at")),
    Column::left("ID", |i| text(i, "id")),
];

fn created(invite: &Value) -> String {
    card(&[
        ("role", text(invite, "role")),
        ("expires", instant(invite, "expires_at")),
        ("id", text(invite, "id")),
        (
            "link",
            format!("{}   (shown only now)", text(invite, "url")),
        ),
    ])
}

/// Does a verb.
pub async fn run(verb: InviteVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        InviteVerb::Create {
            email,
            role,
            quota,
            expires,
            note,
        } => {
            let body = Body::new()
                .with_some("email", email)
                .with_some("role", role)
                .with_some("quota", quota.map(Size::bytes))
                .with_some("note", note);
            let body = match expires {
                None => body,
                Some(Expiry::After(seconds)) => body.with("expires_in", seconds),
                Some(Expiry::Never | Expiry::At(_)) => {
                    return Err(Failure::usage("--expires: say for how long, such as 7d"));
                }
            };
            let path = Path::of(&["auth", "invites"])?;
            let answer = on.api.post(&path, Some(&body.into())).await?;
            on.out.answer(&answer, created)
        }
        InviteVerb::List { limit } => {
            let path = Path::of(&["auth", "invites"])?;
            on.list(path, COLUMNS, limit, "no invitations").await
        }
        InviteVerb::Revoke { id } => {
            let path = Path::of(&["auth", "invites", &id])?;
            let answer = on.api.delete(&path).await?;
            on.done(&answer, &format!("invitation {id} is taken back"))
        }
    }
}
