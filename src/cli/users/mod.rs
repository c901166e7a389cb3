//! `hywarden user …`: one file a kind of verb; what a user is shown as lives in `show`.
mod batch;
mod change;
mod explain;
mod logins;
mod show;

use super::{body::Body, console::Console, failure::Failure, path::Path, values};
use crate::models::{Status, Window};
use batch::Batch;
use change::{Create, Edit};
use clap::{Subcommand, builder::PossibleValuesParser};

/// Verbs on users. USER is a name or an id.
#[derive(Subcommand, Debug)]
pub enum UserVerb {
    /// Create a user
    Create(Create),
    /// List users
    List {
        /// Only those of this group
        #[arg(long)]
        group: Option<String>,
        /// Only those whose name begins like this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only those with this status; without it all that are not deleted
        #[arg(long, value_parser = PossibleValuesParser::new(Status::ALL.iter().map(|s| s.as_str())))]
        status: Option<String>,
        /// In which order; by expiry, only those who expire
        #[arg(long, value_parser = PossibleValuesParser::new(["id", "name", "created_at", "expires_at"]))]
        sort: Option<String>,
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Show a user with what it used
    Show { user: String },
    /// Change what is said, leave the rest
    Edit(Edit),
    /// Refuse the user's logins and close its connections until it is activated
    Suspend { user: String },
    /// Let a suspended user in again
    Activate { user: String },
    /// Delete a user: its devices are refused and closed first
    Delete {
        user: String,
        /// Erase its personal fields and free its name; cannot be undone
        #[arg(long)]
        hard: bool,
    },
    /// Start the user's window anew: what it used so far no longer counts against its quota
    #[command(visible_alias = "reset-data")]
    ResetUsage { user: String },
    /// Print a link by which the user sets a new password, valid for 10 minutes, once
    ResetPassword { user: String },
    /// List the user's logins to the panel and the API
    Logins {
        user: String,
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// Do one thing to many users, or make many; each has its own result
    Batch(Box<Batch>),
    /// Give the user a plan and its limits
    SetPlan {
        user: String,
        /// Its plan from now on; none when nothing is said, and its limits stay
        plan: Option<String>,
    },
    /// Print the secrets and links of all its devices; that they were shown is audited
    Credentials { user: String },
    /// Give all its devices new secrets; the old ones are refused at once
    ResetCredentials { user: String },
    /// What was done to the user and its devices, and by whom, the newest first
    Audit {
        user: String,
        /// At most so many; all when nothing is said
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
    },
    /// End a login of the user, or all of them
    Logout {
        user: String,
        /// Its id, as `user logins` shows it; all when nothing is said
        login: Option<String>,
    },
    /// Why was the user refused? Its last refusals with their codes
    Explain { user: String },
    /// Let the user use a node whatever its groups say
    Allow { user: String, node: String },
    /// Keep the user off a node whatever its groups say
    Deny { user: String, node: String },
    /// Let the user's groups decide about a node again
    Inherit { user: String, node: String },
}

/// The words of the quota's window.
pub(super) fn windows() -> PossibleValuesParser {
    PossibleValuesParser::new(Window::ALL.iter().map(|w| w.as_str()))
}

/// Does a verb.
pub async fn run(verb: UserVerb, on: &mut Console) -> Result<(), Failure> {
    match verb {
        UserVerb::Create(create) => change::create(create, on).await,
        UserVerb::Edit(edit) => change::edit(edit, on).await,
        UserVerb::List {
            group,
            search,
            status,
            sort,
            limit,
        } => {
            let path = Path::of(&["users"])?
                .with_some("group", group)
                .with_some("search", search)
                .with_some("status", status)
                .with_some("sort", sort);
            on.list(path, show::COLUMNS, limit, "no such users").await
        }
        UserVerb::Show { user } => {
            let answer = on.api.get(&Path::of(&["users", &user])?).await?;
            on.out.answer(&answer, show::user)
        }
        UserVerb::Suspend { user } => post(&user, "suspend", on).await,
        UserVerb::Activate { user } => post(&user, "activate", on).await,
        UserVerb::ResetUsage { user } => post(&user, "reset-data", on).await,
        UserVerb::Delete { user, hard } => {
            let path = Path::of(&["users", &user])?.with_some("hard", hard.then_some(true));
            let answer = on.api.delete(&path).await?;
            let how = if hard { "erased" } else { "deleted" };
            on.done(&answer, &format!("user {user} is {how}"))
        }
        UserVerb::Batch(batch) => batch::batch(*batch, on).await,
        UserVerb::SetPlan { user, plan } => {
            let body = Body::new().with("plan", plan).into();
            let path = Path::of(&["users", &user, "plan"])?;
            let answer = on.api.put(&path, Some(&body)).await?;
            on.out.answer(&answer, show::user)
        }
        UserVerb::Credentials { user } => {
            let path = Path::of(&["users", &user, "credentials"])?;
            on.list(path, show::CREDENTIALS, None, "it has no device")
                .await
        }
        UserVerb::ResetCredentials { user } => {
            let path = Path::of(&["users", &user, "reset-credentials"])?;
            let answer = on.api.post(&path, None).await?;
            on.out.answer(&answer, show::credentials)
        }
        UserVerb::Audit { user, limit } => {
            let path = Path::of(&["users", &user, "audit"])?;
            on.list(path, show::AUDIT, limit, "nothing was done to it")
                .await
        }
        UserVerb::ResetPassword { user } => logins::reset_password(&user, on).await,
        UserVerb::Logins { user, limit } => logins::list(&user, limit, on).await,
        UserVerb::Logout { user, login } => logins::logout(&user, login.as_deref(), on).await,
        UserVerb::Explain { user } => explain::explain(&user, on).await,
        UserVerb::Allow { user, node } => permit(&user, &node, Some(true), on).await,
        UserVerb::Deny { user, node } => permit(&user, &node, Some(false), on).await,
        UserVerb::Inherit { user, node } => permit(&user, &node, None, on).await,
    }
}

async fn post(user: &str, verb: &str, on: &mut Console) -> Result<(), Failure> {
    let answer = on
        .api
        .post(&Path::of(&["users", user, verb])?, None)
        .await?;
    on.out.answer(&answer, show::user)
}

async fn permit(
    user: &str,
    node: &str,
    allowed: Option<bool>,
    on: &mut Console,
) -> Result<(), Failure> {
    let path = Path::of(&["users", user, "nodes", node])?;
    let (answer, said) = if let Some(allowed) = allowed {
        let word = if allowed { "allow" } else { "deny" };
        let body = Body::new().with("effect", word).into();
        let answer = on.api.put(&path, Some(&body)).await?;
        (answer, if allowed { "may use" } else { "may not use" })
    } else {
        (on.api.delete(&path).await?, "uses as its groups say")
    };
    on.done(&answer, &format!("user {user} {said} node {node}"))
}
