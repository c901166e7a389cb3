//! Adding, editing and rotating devices.
use super::show;
use crate::{
    cli::{body::Body, console::Console, failure::Failure, path::Path, values::secret_from_stdin},
    models::{CredentialKind, OnConflict},
};
use clap::{Args, builder::PossibleValuesParser};

/// What a device is added with.
#[derive(Args, Debug)]
pub struct Add {
    /// Whose it is
    user: String,
    /// Its name, unlike those of the user's other devices
    name: String,
    /// Which form its secret has: ours, `name:password`, or any string
    #[arg(long, value_parser = PossibleValuesParser::new(CredentialKind::ALL.iter().map(|k| k.as_str())))]
    kind: Option<String>,
    /// Read its secret from standard input, verbatim but for the line's end
    #[arg(long)]
    secret_stdin: bool,
    #[command(flatten)]
    connections: Connections,
}

/// What can be changed.
#[derive(Args, Debug)]
pub struct Edit {
    device: String,
    /// A new name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    connections: Connections,
}

/// How a device may be connected.
#[derive(Args, Debug)]
struct Connections {
    /// How many connections it may have at once, on each node
    #[arg(long, value_name = "N")]
    max_connections: Option<u16>,
    /// Who gives way when it has them all
    #[arg(long, value_parser = PossibleValuesParser::new(OnConflict::ALL.iter().map(|c| c.as_str())))]
    on_conflict: Option<String>,
}

impl Connections {
    fn body(self) -> Body {
        Body::new()
            .with_some("max_connections", self.max_connections)
            .with_some("on_conflict", self.on_conflict)
    }
}

/// How a device gets its new secret.
#[derive(Args, Debug)]
pub struct Rotate {
    device: String,
    /// Read the new secret from standard input (for userpass and bare ones)
    #[arg(long)]
    secret_stdin: bool,
}

/// Adds one.
pub async fn add(add: Add, on: &mut Console) -> Result<(), Failure> {
    let foreign = add
        .kind
        .as_deref()
        .is_some_and(|kind| kind != CredentialKind::Own.as_str());
    if foreign && !add.secret_stdin {
        return Err(Failure::usage(
            "--kind userpass and --kind bare need --secret-stdin: the secret is the one that the client has already",
        ));
    }
    if add.secret_stdin && !foreign {
        return Err(Failure::usage(
            "--secret-stdin needs --kind userpass or --kind bare: our own secrets are made here",
        ));
    }
    let mut body = add
        .connections
        .body()
        .with("name", add.name)
        .with_some("kind", add.kind);
    if add.secret_stdin {
        body = body.with("secret", secret_from_stdin()?);
    }
    let path = Path::of(&["users", &add.user, "devices"])?;
    let answer = on.api.post(&path, Some(&body.into())).await?;
    on.out.answer(&answer, show::with_secret)
}

/// Changes one.
pub async fn edit(edit: Edit, on: &mut Console) -> Result<(), Failure> {
    let body = edit.connections.body().with_some("name", edit.name);
    if body.is_empty() {
        return Err(Failure::usage(
            "say what to change: --name, --max-connections or --on-conflict",
        ));
    }
    patch(&edit.device, body, on).await
}

/// Gives one another name.
pub async fn rename(device: &str, name: String, on: &mut Console) -> Result<(), Failure> {
    patch(device, Body::new().with("name", name), on).await
}

async fn patch(device: &str, body: Body, on: &mut Console) -> Result<(), Failure> {
    let id = on.device(device).await?;
    let answer = on
        .api
        .patch(&Path::of(&["devices", &id])?, &body.into())
        .await?;
    on.out.answer(&answer, show::device)
}

/// Gives one a new secret.
pub async fn rotate(rotate: Rotate, on: &mut Console) -> Result<(), Failure> {
    let mut body = Body::new();
    if rotate.secret_stdin {
        body = body.with("secret", secret_from_stdin()?);
    }
    let id = on.device(&rotate.device).await?;
    let path = Path::of(&["devices", &id, "rotate"])?;
    let answer = on.api.post(&path, Some(&body.into())).await?;
    on.out.answer(&answer, show::with_secret)
}
