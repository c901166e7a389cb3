//! Editing nodes and rotating their secrets.
use super::{add::Shape, show};
use crate::cli::{
    body::Body, console::Console, failure::Failure, path::Path, values::secret_from_stdin,
};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::{Value, json};

/// What can be changed.
#[derive(Args, Debug)]
pub struct Edit {
    node: String,
    /// Where clients connect
    #[arg(long, value_name = "HOST:PORT[,PORTS]")]
    address: Option<String>,
    /// Where its traffic stats API is read
    #[arg(long, value_name = "URL")]
    stats_url: Option<String>,
    /// Read a new secret of its traffic stats API from standard input
    #[arg(long)]
    stats_secret_stdin: bool,
    #[command(flatten)]
    shape: Shape,
    /// Take away what was said of this; may be repeated
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(CLEARABLE.iter().map(|(word, ..)| *word)))]
    clear: Vec<String>,
}

/// What can be taken away: its option, its field, and whether that is a list.
const CLEARABLE: &[(&str, &str, bool)] = &[
    ("obfs", "obfs", false),
    ("sni", "sni", false),
    ("pin", "pin_sha256", false),
    ("line-rate", "line_rate", false),
    ("require-stats", "require_stats", false),
    ("allow-target", "allow_targets", true),
    ("own-address", "own_addresses", true),
    ("allow-plaintext", "allow_plaintext", true),
];

/// Changes one.
pub async fn edit(edit: Edit, on: &mut Console) -> Result<(), Failure> {
    let mut body = edit
        .shape
        .body()
        .with_some("address", edit.address)
        .with_some("stats_url", edit.stats_url);
    if edit.stats_secret_stdin {
        body = body.with("stats_secret", secret_from_stdin()?);
    }
    for word in &edit.clear {
        if let Some((_, field, is_list)) = CLEARABLE.iter().find(|(known, ..)| known == word) {
            let nothing = if *is_list { json!([]) } else { Value::Null };
            body = body.with(field, nothing);
        }
    }
    if body.is_empty() {
        return Err(Failure::usage(
            "say what to change, for instance --address; `hywarden node edit --help` lists it",
        ));
    }
    let answer = on
        .api
        .patch(&Path::of(&["nodes", &edit.node])?, &body.into())
        .await?;
    on.out.answer(&answer, show::node)
}

/// Gives its hook a new secret.
pub async fn rotate_secret(node: &str, now: bool, on: &mut Console) -> Result<(), Failure> {
    let path = Path::of(&["nodes", node, "rotate-secret"])?;
    let body = Body::new().with_flag("now", now).into();
    let answer = on.api.post(&path, Some(&body)).await?;
    on.out.answer(&answer, show::configured)
}
