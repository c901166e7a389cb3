//! What clients may say, and what they are answered.
use super::{Client, Hub, Live, hub::TOPICS, topic::Topic};
use crate::{models::UserId, services::callers::Caller};
use serde::Deserialize;
use serde_json::json;
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// Topics of one message, and users of one page.
const MOST: usize = 100;

/// A message of a client.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
pub enum Said {
    /// Follow these.
    Sub {
        topics: Vec<String>,
        /// Behind this frame ...
        since: Option<u64>,
        /// ... of this instance.
        instance: Option<String>,
        /// Of a page of users: the users that it shows.
        #[serde(default)]
        ids: HashMap<String, Vec<UserId>>,
    },
    /// Follow these no more.
    Unsub { topics: Vec<String> },
    /// Are you there?
    Ping,
}

impl Live {
    /// What a client is told first.
    pub fn hello(&self) -> String {
        json!({ "op": "hello", "instance": &*self.hub.instance, "seq": self.hub.seq() }).to_string()
    }

    /// Does what a client says. The answers, in order; frames come through its box.
    pub async fn hear(&self, client: &Arc<Client>, text: &str) -> Vec<String> {
        match serde_json::from_str(text) {
            Ok(Said::Ping) => vec![json!({ "op": "pong" }).to_string()],
            Ok(Said::Unsub { topics }) => {
                self.hub.unfollow(client, &topics);
                vec![json!({ "op": "unsubscribed", "topics": topics }).to_string()]
            }
            Ok(Said::Sub {
                topics,
                since,
                instance,
                ids,
            }) => {
                let since = since.map(|since| (since, instance));
                self.follow(client, &topics, since, &ids).await
            }
            Err(_) => vec![error("malformed", None)],
        }
    }

    /// Follows these, if the client may. A topic that is refused is named, the others are followed.
    pub async fn follow(
        &self,
        client: &Arc<Client>,
        topics: &[String],
        since: Option<(u64, Option<String>)>,
        ids: &HashMap<String, Vec<UserId>>,
    ) -> Vec<String> {
        if topics.len() > MOST || ids.values().any(|ids| ids.len() > MOST) {
            return vec![error("too_many", None)];
        }
        let (mut answers, mut followed, mut names) = (Vec::new(), Vec::new(), Vec::new());
        for name in topics {
            let Some(topic) = Topic::parse(name) else {
                answers.push(error("unknown_topic", Some(name)));
                continue;
            };
            if !self.may_follow(&client.caller, &topic).await {
                answers.push(error("forbidden", Some(name)));
                continue;
            }
            let before = followed.len();
            let called: Arc<str> = name.as_str().into();
            let published = published(&topic, &client.caller, ids.get(name));
            followed.extend(
                published
                    .into_iter()
                    .map(|topic| (topic.into(), called.clone())),
            );
            if Hub::count_with(client, &followed) > TOPICS {
                followed.truncate(before);
                answers.push(error("too_many", Some(name)));
                continue;
            }
            names.push(name);
        }
        // numbers of another run mean nothing here
        let (behind, elsewhere) = match since {
            None => (None, false),
            Some((since, instance)) if instance.as_deref() == Some(&*self.hub.instance) => {
                (Some(since), false)
            }
            Some(_) => (None, true),
        };
        let known = self.hub.follow(client, &followed, behind) && !elsewhere;
        let op = if known { "subscribed" } else { "resync" };
        if !names.is_empty() {
            let answer = json!({ "op": op, "topics": names, "instance": &*self.hub.instance, "seq": self.hub.seq() });
            answers.push(answer.to_string());
        }
        answers
    }

    /// Whether the caller may follow it.
    pub async fn may_follow(&self, caller: &Caller, topic: &Topic) -> bool {
        if topic.is_open_to(caller) {
            return true;
        }
        let (Topic::Device(device), Some(user)) = (topic, caller.user) else {
            return false;
        };
        let Ok(mut conn) = self.store.conn().await else {
            return false;
        };
        let owner = crate::repositories::devices::owner(&mut conn, *device).await;
        owner.is_ok_and(|owner| owner == Some(user))
    }
}

/// Under which names it is published.
fn published(topic: &Topic, caller: &Caller, ids: Option<&Vec<UserId>>) -> Vec<String> {
    match topic {
        Topic::Overview => vec!["overview".to_owned()],
        Topic::Nodes => vec!["nodes".to_owned()],
        Topic::Events => vec!["events".to_owned()],
        Topic::Jobs => vec!["jobs".to_owned()],
        Topic::Node(node) => vec![format!("node:{node}")],
        Topic::User(user) => vec![format!("user:{user}")],
        Topic::Device(device) => vec![format!("device:{device}")],
        Topic::Users(_) => {
            let ids = ids.into_iter().flatten();
            ids.map(|user| format!("user:{user}")).collect()
        }
        Topic::Me => {
            let own = caller.user_id.map(|UserId(id): UserId| -> Uuid { id });
            own.map(|id| format!("user:{id}")).into_iter().collect()
        }
    }
}

fn error(code: &str, topic: Option<&str>) -> String {
    json!({ "op": "error", "code": code, "topic": topic }).to_string()
}
