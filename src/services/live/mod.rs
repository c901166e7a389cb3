//! The live channel: what happens, told to those who follow as it is committed. `hub` numbers and hands out, `mailbox` is
//! what waits for one client, `ticket` lets in, `talk` is what clients may say, `gauges` tells states each second, `fanout`
//! speaks with the other instances.
mod fanout;
mod gauges;
mod hub;
mod mailbox;
mod talk;
mod ticket;
mod topic;

pub use fanout::{Words, queue};
pub use gauges::Told as GaugesTold;
pub use hub::{Client, Hub, Turned};
pub use mailbox::{End, Next};
pub use talk::Said;
pub use ticket::{LIFETIME, Tickets};
pub use topic::Topic;

use crate::{
    admission::Directory,
    cache::Cache,
    error::{Error, Result},
    models::TokenId,
    repositories::live,
    services::{
        callers::Caller,
        events::{Events, News},
        leases::Leases,
        logins::Logins,
        store::Store,
        tokens::held,
    },
    telemetry::Metrics,
};
use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::mpsc;
use uuid::Uuid;

/// The service.
#[derive(Clone)]
pub struct Live {
    pub store: Store,
    pub hub: Hub,
    pub events: Events,
    pub cache: Option<Cache>,
    /// What the other instances are to be told.
    pub words: mpsc::Sender<Vec<News>>,
    pub leases: Arc<Leases>,
    pub directory: Arc<Directory>,
    pub metrics: Metrics,
    /// Tickets that only this instance knows, by hash.
    pub tickets: Arc<Mutex<Tickets>>,
    /// Whose login it is that follows.
    pub logins: Logins,
    /// Sockets that say nothing for so long are let go.
    pub silence: Duration,
}

/// Somebody's place in the channel; it is given up when this is dropped.
pub struct Place {
    hub: Hub,
    client: Arc<Client>,
}

impl Deref for Place {
    type Target = Arc<Client>;
    fn deref(&self) -> &Arc<Client> {
        &self.client
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.leave(&self.client);
    }
}

impl Live {
    /// Lets somebody in.
    pub fn enter(&self, caller: Caller) -> Result<Place, Turned> {
        let client = self.hub.enter(caller)?;
        Ok(Place {
            hub: self.hub.clone(),
            client,
        })
    }

    /// Ends the connections of those who may no longer be here, or may not the same as when they came. Gives how many.
    pub async fn look_at_callers(&self) -> Result<usize> {
        let clients = self.hub.clients();
        let token = |caller: &Caller| {
            let id = caller.name.strip_prefix("token:")?;
            Uuid::try_parse(id).ok().map(TokenId)
        };
        let mut tokens: Vec<Uuid> = clients
            .iter()
            .filter_map(|c| token(&c.caller).map(|id| id.0))
            .collect();
        let mut logins: Vec<Uuid> = clients
            .iter()
            .filter_map(|c| c.caller.login.map(|id| id.0))
            .collect();
        for ids in [&mut tokens, &mut logins] {
            ids.sort_unstable();
            ids.dedup();
        }
        if tokens.is_empty() && logins.is_empty() {
            return Ok(0);
        }
        let now = self.store.clock.now();
        let mut conn = self.store.conn().await?;
        let tokens = live::live_tokens(&mut conn, &tokens, now).await?;
        let logins =
            live::live_logins(&mut conn, &logins, now, now - self.logins.settings.idle).await?;
        drop(conn);
        let logins: HashMap<_, _> = logins.into_iter().collect();
        let tokens: HashMap<_, _> = tokens
            .into_iter()
            .map(|token| {
                (
                    token.id,
                    Caller::token(token.id, held(token.scopes, token.owner)),
                )
            })
            .collect();
        let mut ended = 0;
        for client in clients {
            let caller = &client.caller;
            let stands = match (token(caller), caller.login) {
                (Some(id), _) => tokens.get(&id).is_some_and(|now| now.may_the_same(caller)),
                (None, Some(login)) => logins.get(&login).copied() == caller.role,
                (None, None) => true,
            };
            if !stands {
                self.hub.show_out(&client, End::Unauthorised);
                ended += 1;
            }
        }
        Ok(ended)
    }
}

impl From<Turned> for Error {
    fn from(turned: Turned) -> Self {
        match turned {
            Turned::TooMany => Self::State(format!(
                "{} connections of the live channel are open already: close one first",
                hub::CONNECTIONS
            )),
            Turned::Restart => Self::Unavailable("this instance"),
        }
    }
}
