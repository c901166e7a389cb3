//! Creating and editing users.
use super::{
    show,
    values::{Expiry, Size, expiry, size},
    windows,
};
use crate::{
    cli::{body::Body, console::Console, failure::Failure, path::Path},
    models::Role,
};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::Value;

/// What a user is created with; what is not said has the program's default.
#[derive(Args, Debug)]
pub struct Create {
    name: String,
    #[command(flatten)]
    limits: Limits,
    /// Put it into this group instead of `default`; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Start its clock at its first login: `--expires 30d` then counts from there
    #[arg(long)]
    on_hold: bool,
}

/// What can be changed.
#[derive(Args, Debug)]
pub struct Edit {
    user: String,
    /// A new name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    limits: Limits,
    /// true: start its clock at its first login; false: start it now
    #[arg(long, value_name = "BOOL")]
    on_hold: Option<bool>,
}

/// What a user may and how long.
#[derive(Args, Debug)]
struct Limits {
    /// Bytes in each window, both directions together: 10GiB, 500MB, unlimited
    #[arg(long, value_name = "SIZE", value_parser = size)]
    quota: Option<Size>,
    /// How often the quota starts anew
    #[arg(long, value_parser = windows())]
    window: Option<String>,
    /// When it ends: 30d, 12h, 5s, 2027-01-31T00:00:00Z, never
    #[arg(long, value_name = "WHEN", value_parser = expiry)]
    expires: Option<Expiry>,
    /// How many devices it may register, or unlimited
    #[arg(long, value_name = "N", value_parser = count)]
    devices: Option<Count>,
    /// How many of them may be online at once, or unlimited
    #[arg(long, value_name = "N", value_parser = count)]
    online: Option<Count>,
    /// A note for yourself
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Where a lost password is mended
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// What it may do in the panel and the API
    #[arg(long, value_parser = PossibleValuesParser::new(Role::ALL.iter().map(|r| r.as_str())))]
    role: Option<String>,
}

/// A number, or no limit.
#[derive(Clone, Copy, Debug)]
struct Count(Option<i32>);

fn count(text: &str) -> Result<Count, String> {
    if text.eq_ignore_ascii_case("unlimited") {
        return Ok(Count(None));
    }
    text.parse()
        .ok()
        .filter(|n| *n >= 0)
        .map(|n| Count(Some(n)))
        .ok_or_else(|| "is neither a number nor unlimited".to_owned())
}

impl Limits {
    fn body(self) -> Body {
        let body = Body::new()
            .with_some("quota", self.quota.map(Size::bytes))
            .with_some("window", self.window)
            .with_some("device_limit", self.devices.map(|n| n.0))
            .with_some("online_limit", self.online.map(|n| n.0))
            .with_some("note", self.note)
            .with_some("email", self.email)
            .with_some("role", self.role);
        match self.expires {
            None => body,
            Some(Expiry::Never) => body.with("expires_at", Value::Null),
            Some(Expiry::At(at)) => body.with("expires_at", at.to_rfc3339()),
            Some(Expiry::After(seconds)) => body.with("expires_in", seconds),
        }
    }
}

/// Creates one.
pub async fn create(create: Create, on: &mut Console) -> Result<(), Failure> {
    let body = create
        .limits
        .body()
        .with("name", create.name)
        .with_list("groups", &create.groups)
        .with_flag("on_hold", create.on_hold);
    let answer = on
        .api
        .post(&Path::of(&["users"])?, Some(&body.into()))
        .await?;
    on.out.answer(&answer, show::user)
}

/// Changes one.
pub async fn edit(edit: Edit, on: &mut Console) -> Result<(), Failure> {
    let body = edit
        .limits
        .body()
        .with_some("name", edit.name)
        .with_some("on_hold", edit.on_hold);
    if body.is_empty() {
        return Err(Failure::usage(
            "say what to change, for instance --quota 20GiB; `hywarden user edit --help` lists it",
        ));
    }
    let answer = on
        .api
        .patch(&Path::of(&["users", &edit.user])?, &body.into())
        .await?;
    on.out.answer(&answer, show::user)
}
