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
    #[command(flatten)]
    secret: Given,
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

/// How a device gets its new secret.
#[derive(Args, Debug)]
pub struct Rotate {
    device: String,
    #[command(flatten)]
    secret: Given,
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

/// A secret that a client has already; ours are made by the program.
#[derive(Args, Debug)]
struct Given {
    /// Which form the secret has: ours (own), `name:password` (userpass), or any string (bare)
    #[arg(long, value_parser = PossibleValuesParser::new(CredentialKind::ALL.iter().map(|k| k.as_str())))]
    kind: Option<String>,
    /// Read the secret from standard input, verbatim but for the line's end
    #[arg(long)]
    secret_stdin: bool,
}

impl Given {
    fn onto(self, body: Body) -> Result<Body, Failure> {
        let body = body.with_some("kind", self.kind);
        if self.secret_stdin {
            return Ok(body.with("secret", secret_from_stdin()?));
        }
        Ok(body)
    }
    fn is_foreign(&self) -> bool {
        let own = CredentialKind::Own.as_str();
        self.kind.as_ref().is_some_and(|kind| kind != own)
    }
}

/// Adds one.
pub async fn add(add: Add, on: &mut Console) -> Result<(), Failure> {
    match (add.secret.is_foreign(), add.secret.secret_stdin) {
        (true, false) => {
            return Err(Failure::usage(
                "--kind userpass and --kind bare need --secret-stdin: the secret is the one that the client has already",
            ));
        }
        (false, true) => {
            return Err(Failure::usage(
                "--secret-stdin needs --kind userpass or --kind bare: our own secrets are made here",
            ));
        }
        _ => {}
    }
    let body = add.connections.body().with("name", add.name);
    let body = add.secret.onto(body)?;
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
    let body = rotate.secret.onto(Body::new())?;
    let id = on.device(&rotate.device).await?;
    let path = Path::of(&["devices", &id, "rotate"])?;
    let answer = on.api.post(&path, Some(&body.into())).await?;
    on.out.answer(&answer, show::with_secret)
}
