//! `hywarden plan …`: bundles of limits that users are given.
use super::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, bytes, card, flag, instant, limit, list, seconds, text},
    path::Path,
    values::{Size, size, span},
};
use crate::models::Window;
use clap::{Args, Subcommand, builder::PossibleValuesParser};
use serde_json::Value;

/// Verbs on plans. PLAN is a name or an id.
#[derive(Subcommand, Debug)]
pub enum PlanVerb {
    /// Create a plan
    Create {
        name: String,
        #[command(flatten)]
        terms: Terms,
    },
    /// List plans
    List {
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a plan
    Show { plan: String },
    /// Change what is said, leave the rest; users keep their limits until `apply`
    Edit {
        plan: String,
        /// A new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        terms: Terms,
    },
    /// Delete a plan that nobody has
    Delete { plan: String },
    /// Give all users of a plan its present limits; their expiries stay
    Apply { plan: String },
}

/// What a plan says.
#[derive(Args, Debug)]
pub struct Terms {
    /// Bytes in each window: 10GiB, 500MB, unlimited
    #[arg(long, value_name = "SIZE", value_parser = size)]
    quota: Option<Size>,
    /// How often the quota starts anew
    #[arg(long, value_parser = PossibleValuesParser::new(Window::ALL.iter().map(|w| w.as_str())))]
    window: Option<String>,
    /// How long a user that is given it is valid from then on: 30d
    #[arg(long, value_name = "DURATION", value_parser = span)]
    valid_for: Option<i64>,
    /// How many devices a user may register
    #[arg(long, value_name = "N")]
    devices: Option<i32>,
    /// How many of them may be online at once
    #[arg(long, value_name = "N")]
    online: Option<i32>,
    /// Whether its users may use paid nodes
    #[arg(long, value_name = "BOOL")]
    paid: Option<bool>,
    /// Put its users into this group; may be repeated
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// A note for yourself
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Terms {
    fn body(self) -> Body {
        Body::new()
            .with_some("quota", self.quota.map(Size::bytes))
            .with_some("window", self.window)
            .with_some("valid_for", self.valid_for)
            .with_some("device_limit", self.devices)
            .with_some("online_limit", self.online)
            .with_some("paid", self.paid)
            .with_some("note", self.note)
            .with_list("groups", &self.groups)
    }
}

const COLUMNS: &[Column] = &[
    Column::left("NAME", |p| text(p, "name")),
    Column::right("QUOTA", quota),
    Column::left("WINDOW", |p| text(p, "window")),
    Column::right("DEVICES", |p| limit(p, "device_limit")),
    Column::left("PAID", |p| flag(p, "paid")),
    Column::left("GROUPS", |p| list(p, "groups")),
    Column::right("USERS", |p| text(p, "users")),
    Column::left("ID", |p| text(p, "id")),
];

fn quota(p: &Value) -> String {
    match p.get("quota") {
        None | Some(Value::Null) => "unlimited".to_owned(),
        Some(_) => bytes(p, "quota"),
    }
}

fn show(p: &Value) -> String {
    card(&[
        ("name", text(p, "name")),
        ("id", text(p, "id")),
        ("quota", quota(p)),
        ("window", text(p, "window")),
        ("valid for", seconds(p, "valid_for")),
        ("devices", limit(p, "device_limit")),
        ("online at once", limit(p, "online_limit")),
        ("paid", flag(p, "paid")),
        ("groups", list(p, "groups")),
        ("users", text(p, "users")),
        ("note", text(p, "note")),
        ("created", instant(p, "created_at")),
    ])
}

/// Does a verb.
pub async fn run(verb: PlanVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        PlanVerb::Create { name, terms } => {
            let body = terms.body().with("name", name).into();
            let answer = on.api.post(&Path::of(&["plans"])?, Some(&body)).await?;
            on.out.answer(&answer, show)
        }
        PlanVerb::List { limit } => {
            on.list(Path::of(&["plans"])?, COLUMNS, limit, "no plans")
                .await
        }
        PlanVerb::Show { plan } => {
            let answer = on.api.get(&Path::of(&["plans", &plan])?).await?;
            on.out.answer(&answer, show)
        }
        PlanVerb::Edit { plan, name, terms } => {
            let body = terms.body().with_some("name", name);
            if body.is_empty() {
                return Err(Failure::usage(
                    "say what to change, for instance --quota 20GiB; `hywarden plan edit --help` lists it",
                ));
            }
            let path = Path::of(&["plans", &plan])?;
            let answer = on.api.patch(&path, &body.into()).await?;
            on.out.answer(&answer, show)
        }
        PlanVerb::Delete { plan } => {
            let answer = on.api.delete(&Path::of(&["plans", &plan])?).await?;
            on.done(&answer, &format!("plan {plan} is deleted"))
        }
        PlanVerb::Apply { plan } => {
            let path = Path::of(&["plans", &plan, "apply"])?;
            let answer = on.api.post(&path, None).await?;
            on.out.answer(&answer, |answer| {
                let (users, skipped) = (text(answer, "users"), text(answer, "skipped"));
                let above = match skipped.as_str() {
                    "0" => String::new(),
                    some => format!("{some} above you keep what they have\n"),
                };
                format!("{users} users were given the plan's present limits\n{above}")
            })
        }
    }
}
