//! `hywarden token …`: keys to the API for programs and other machines.
use super::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, card, instant, list, text},
    path::Path,
    values::{Expiry, expiry, network},
};
use clap::Subcommand;
use ipnet::IpNet;
use serde_json::Value;

/// Verbs on API tokens.
#[derive(Subcommand, Debug)]
pub enum TokenVerb {
    /// Create a token and print its secret, once
    Create {
        /// What it is for
        name: String,
        /// What it may do, such as users:read; may be repeated or separated by commas
        #[arg(
            long = "scope",
            value_name = "SCOPE",
            value_delimiter = ',',
            required = true
        )]
        scopes: Vec<String>,
        /// When it ends: 90d, 2027-01-31T00:00:00Z, never
        #[arg(long, value_name = "WHEN", value_parser = expiry)]
        expires: Option<Expiry>,
        /// Only believed from this network; may be repeated
        #[arg(long = "from", value_name = "CIDR", value_parser = network)]
        networks: Vec<IpNet>,
    },
    /// List tokens; their secrets are not kept
    List {
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Refuse a token from now on
    #[command(visible_alias = "delete")]
    Revoke {
        /// Its id, as `token list` shows it
        id: String,
    },
}

const COLUMNS: &[Column] = &[
    Column::left("NAME", |t| text(t, "name")),
    Column::left("SCOPES", |t| list(t, "scopes")),
    Column::left("EXPIRES", |t| instant(t, "expires_at")),
    Column::left("LAST USED", |t| instant(t, "last_used_at")),
    Column::left("ID", |t| text(t, "id")),
];

fn created(token: &Value) -> String {
    card(&[
        ("name", text(token, "name")),
        ("id", text(token, "id")),
        ("scopes", list(token, "scopes")),
        ("expires", instant(token, "expires_at")),
        (
            "token",
            format!("{}   (shown only now)", text(token, "secret")),
        ),
    ])
}

/// Does a verb.
pub async fn run(verb: TokenVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        TokenVerb::Create {
            name,
            scopes,
            expires,
            networks,
        } => {
            let body = Body::new()
                .with("name", name)
                .with_list("scopes", &scopes)
                .with_list("allowed_cidrs", &networks);
            let body = match expires {
                None | Some(Expiry::Never) => body,
                Some(Expiry::At(at)) => body.with("expires_at", at.to_rfc3339()),
                Some(Expiry::After(seconds)) => body.with("expires_in", seconds),
            };
            let answer = on
                .api
                .post(&Path::of(&["tokens"])?, Some(&body.into()))
                .await?;
            on.out.answer(&answer, created)
        }
        TokenVerb::List { limit } => {
            on.list(Path::of(&["tokens"])?, COLUMNS, limit, "no tokens")
                .await
        }
        TokenVerb::Revoke { id } => {
            let answer = on.api.delete(&Path::of(&["tokens", &id])?).await?;
            on.done(&answer, &format!("token {id} is revoked"))
        }
    }
}
