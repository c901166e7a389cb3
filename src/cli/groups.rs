//! `hywarden group …`: which users may use which nodes.
use super::{
    body::Body,
    console::Console,
    failure::Failure,
    output::{Column, card, instant, text},
    path::Path,
};
use clap::Subcommand;
use serde_json::Value;

/// Verbs on groups. GROUP, USER and NODE are names or ids.
#[derive(Subcommand, Debug)]
pub enum GroupVerb {
    /// Create a group
    Create { name: String },
    /// List groups
    List {
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a group
    Show { group: String },
    /// Delete a group: its users lose its nodes at once
    Delete { group: String },
    /// Let a user use the group's nodes
    AddUser { group: String, user: String },
    /// Take the group's nodes from a user
    RemoveUser { group: String, user: String },
    /// Let the group's users use a node
    AddNode { group: String, node: String },
    /// Take a node from the group's users
    RemoveNode { group: String, node: String },
}

const COLUMNS: &[Column] = &[
    Column::left("NAME", |g| text(g, "name")),
    Column::right("USERS", |g| counted(g, "users")),
    Column::right("NODES", |g| counted(g, "nodes")),
    Column::left("CREATED", |g| instant(g, "created_at")),
    Column::left("ID", |g| text(g, "id")),
];

/// Members as a number, whether the answer counts or lists them.
fn counted(group: &Value, key: &str) -> String {
    match group.get(key).and_then(Value::as_array) {
        Some(members) => members.len().to_string(),
        None => text(group, key),
    }
}

fn show(group: &Value) -> String {
    card(&[
        ("name", text(group, "name")),
        ("id", text(group, "id")),
        ("users", counted(group, "users")),
        ("nodes", counted(group, "nodes")),
        ("created", instant(group, "created_at")),
    ])
}

/// Does a verb.
pub async fn run(verb: GroupVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        GroupVerb::Create { name } => {
            let body = Body::new().with("name", name).into();
            let answer = on.api.post(&Path::of(&["groups"])?, Some(&body)).await?;
            on.out.answer(&answer, show)
        }
        GroupVerb::List { limit } => {
            on.list(Path::of(&["groups"])?, COLUMNS, limit, "no groups")
                .await
        }
        GroupVerb::Show { group } => {
            let answer = on.api.get(&Path::of(&["groups", &group])?).await?;
            on.out.answer(&answer, show)
        }
        GroupVerb::Delete { group } => {
            let answer = on.api.delete(&Path::of(&["groups", &group])?).await?;
            on.done(&answer, &format!("group {group} is deleted"))
        }
        GroupVerb::AddUser { group, user } => join(&group, "users", &user, on).await,
        GroupVerb::AddNode { group, node } => join(&group, "nodes", &node, on).await,
        GroupVerb::RemoveUser { group, user } => leave(&group, "users", &user, on).await,
        GroupVerb::RemoveNode { group, node } => leave(&group, "nodes", &node, on).await,
    }
}

async fn join(group: &str, kind: &str, member: &str, on: &mut Console) -> Result<(), Failure> {
    let answer = on
        .api
        .put(&Path::of(&["groups", group, kind, member])?, None)
        .await?;
    on.done(&answer, &format!("{member} is in group {group}"))
}

async fn leave(group: &str, kind: &str, member: &str, on: &mut Console) -> Result<(), Failure> {
    let answer = on
        .api
        .delete(&Path::of(&["groups", group, kind, member])?)
        .await?;
    on.done(&answer, &format!("{member} is not in group {group}"))
}
