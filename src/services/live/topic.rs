//! What can be followed, and by whom.
use crate::{
    models::{DeviceId, NodeId, UserId},
    services::{callers::Caller, events::News},
};
use uuid::Uuid;

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// How many are online and how fast bytes move, each second; it names nobody.
    Overview,
    /// What happens to nodes, and who is online on each.
    Nodes,
    Node(NodeId),
    /// Users that a page shows, under a name that the client gives the page.
    Users(String),
    User(UserId),
    Device(DeviceId),
    /// Every event.
    Events,
    /// What background jobs have before them.
    Jobs,
    /// What happens to the person that follows.
    Me,
}

/// The longest name of a page.
const LONGEST: usize = 64;

impl Topic {
    /// As clients write it.
    pub fn parse(text: &str) -> Option<Self> {
        let id = |text: &str| Uuid::try_parse(text).ok();
        match text.split_once(':') {
            None => match text {
                "overview" => Some(Self::Overview),
                "nodes" => Some(Self::Nodes),
                "events" => Some(Self::Events),
                "jobs" => Some(Self::Jobs),
                "me" => Some(Self::Me),
                _ => None,
            },
            Some(("node", text)) => Some(Self::Node(NodeId(id(text)?))),
            Some(("user", text)) => Some(Self::User(UserId(id(text)?))),
            Some(("device", text)) => Some(Self::Device(DeviceId(id(text)?))),
            Some(("users", page)) => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
                let fits = !page.is_empty() && page.len() <= LONGEST && page.bytes().all(plain);
                fits.then(|| Self::Users(page.to_owned()))
            }
            Some(_) => None,
        }
    }

    /// Whether the caller may follow it. A device is only answered for those who may see all; its owner is asked for elsewhere.
    pub fn is_open_to(&self, caller: &Caller) -> bool {
        let all = |scope| caller.holds("live:read") && caller.holds(scope);
        match self {
            Self::Overview => caller.holds("live:read"),
            Self::Jobs => all("system:read"),
            Self::Nodes | Self::Node(_) => all("nodes:read"),
            Self::Users(_) => all("users:read"),
            Self::User(user) => all("users:read") || caller.is_called(user.0),
            Self::Device(_) => all("devices:read"),
            Self::Events => all("events:read"),
            Self::Me => caller.user_id.is_some(),
        }
    }

    /// What somebody follows who names nothing: as much as it may of what is about all, else what is its own.
    pub fn usual(caller: &Caller) -> &'static str {
        if Self::Events.is_open_to(caller) {
            "events"
        } else if Self::Me.is_open_to(caller) {
            "me"
        } else {
            "overview"
        }
    }
}

/// Everything that an event is about, as topics are published.
pub(super) fn of(news: &News) -> Vec<String> {
    let mut topics = vec!["events".to_owned()];
    topics.extend(news.user_id.iter().map(|id| format!("user:{id}")));
    topics.extend(news.device_id.iter().map(|id| format!("device:{id}")));
    if let Some(id) = &news.node_id {
        topics.extend(["nodes".to_owned(), format!("node:{id}")]);
    }
    topics
}
