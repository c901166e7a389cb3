//! The middle of the live channel: numbers every frame of this instance, remembers them for a while, and puts each into the
//! boxes of those who follow its topic.
use super::{
    mailbox::{End, Mailbox},
    topic,
};
use crate::{
    services::{callers::Caller, events::News},
    telemetry::Metrics,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// For how long a client that comes back is told what it missed; and no more frames than so many.
const REMEMBERED: Duration = Duration::from_mins(5);
const FRAMES: usize = 20_000;
/// Numbers of events that were told already: an event may arrive by two ways.
const TOLD: usize = 20_000;
/// Connections of one principal at once.
pub const CONNECTIONS: usize = 5;
/// Topics of one connection, each counted under every name that it follows it by.
pub const TOPICS: usize = 256;

/// Somebody who follows.
pub struct Client {
    number: u64,
    pub caller: Caller,
    pub mailbox: Mailbox,
    /// Topics as they are published → as the client calls them: a page and a card may show the same user.
    follows: Mutex<Follows>,
}

type Follows = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

impl Client {
    fn follows(&self) -> MutexGuard<'_, Follows> {
        self.follows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Frame {
    seq: u64,
    at: Instant,
    topic: Arc<str>,
    kind: Arc<str>,
    data: Arc<str>,
}

impl Frame {
    /// As it is sent, under the name that the client uses.
    fn text(&self, topic: &str) -> Arc<str> {
        let (seq, topic, kind) = (self.seq, json!(topic), json!(&*self.kind));
        let data = &self.data;
        format!("{{\"seq\":{seq},\"topic\":{topic},\"type\":{kind},\"data\":{data}}}").into()
    }
}

#[derive(Default)]
struct State {
    seq: u64,
    /// Everything up to here is forgotten.
    forgotten: u64,
    ring: VecDeque<Frame>,
    clients: HashMap<u64, Arc<Client>>,
    next_client: u64,
    /// Followers of a topic.
    index: HashMap<Arc<str>, HashMap<u64, Arc<Client>>>,
    /// Topics that somebody began to follow since the last look.
    fresh: HashSet<Arc<str>>,
    told: VecDeque<i64>,
    told_set: HashSet<i64>,
    closed: bool,
}

/// The hub of this instance.
#[derive(Clone)]
pub struct Hub {
    /// Names this run of this instance: sequence numbers mean nothing elsewhere.
    pub instance: Arc<str>,
    state: Arc<Mutex<State>>,
    metrics: Metrics,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    TooMany,
    Restart,
}

impl Hub {
    /// Nobody yet.
    pub fn new(instance: &str, metrics: Metrics) -> Self {
        Self {
            instance: instance.into(),
            state: Arc::default(),
            metrics,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets somebody in.
    pub fn enter(&self, caller: Caller) -> Result<Arc<Client>, Turned> {
        let mut state = self.lock();
        if state.closed {
            return Err(Turned::Restart);
        }
        let theirs = state
            .clients
            .values()
            .filter(|c| c.caller.name == caller.name);
        if theirs.count() >= CONNECTIONS {
            return Err(Turned::TooMany);
        }
        state.next_client += 1;
        let client = Arc::new(Client {
            number: state.next_client,
            caller,
            mailbox: Mailbox::default(),
            follows: Mutex::default(),
        });
        state.clients.insert(client.number, client.clone());
        self.count(&state);
        Ok(client)
    }

    /// Somebody's connection is gone, and its place free.
    pub fn leave(&self, client: &Client) {
        let mut state = self.lock();
        state.silence(client);
        state.clients.remove(&client.number);
        self.count(&state);
    }

    /// Somebody must leave: nothing more is told to it, but its place is taken until its connection is gone.
    pub fn show_out(&self, client: &Client, end: End) {
        client.mailbox.end(end);
        self.lock().silence(client);
    }

    fn count(&self, state: &State) {
        let clients = i64::try_from(state.clients.len()).unwrap_or(i64::MAX);
        self.metrics.ws_clients.set(clients);
    }

    /// The number of the last frame.
    pub fn seq(&self) -> u64 {
        self.lock().seq
    }

    /// Follows these from now on, or from behind a frame of this instance. `false`: what lies between is not known any
    /// more, or is more than a client's box holds, so everything must be read anew.
    pub fn follow(
        &self,
        client: &Arc<Client>,
        topics: &[(Arc<str>, Arc<str>)],
        since: Option<u64>,
    ) -> bool {
        let mut state = self.lock();
        for (topic, name) in topics {
            let mut follows = client.follows();
            follows
                .entry(topic.clone())
                .or_default()
                .insert(name.clone());
            state.fresh.insert(topic.clone());
            let followers = state.index.entry(topic.clone()).or_default();
            followers.insert(client.number, client.clone());
        }
        let Some(since) = since else {
            return true;
        };
        if since < state.forgotten || since > state.seq {
            return false;
        }
        let missed = state.ring.iter().filter(|frame| frame.seq > since);
        client.mailbox.push_all(missed.flat_map(|frame| {
            let names = topics.iter().filter(|(topic, _)| *topic == frame.topic);
            names.map(|(_, name)| frame.text(name))
        }))
    }

    /// Follows these no more, by the client's own names.
    pub fn unfollow(&self, client: &Client, names: &[String]) {
        let mut state = self.lock();
        let mut follows = client.follows();
        follows.retain(|topic, theirs| {
            theirs.retain(|name| !names.iter().any(|gone| **gone == **name));
            if theirs.is_empty() {
                state.unfollow(topic, client.number);
            }
            !theirs.is_empty()
        });
    }

    /// How many topics a client would follow with these, too.
    pub fn count_with(client: &Client, topics: &[(Arc<str>, Arc<str>)]) -> usize {
        let follows = client.follows();
        let known = |(topic, name): &(Arc<str>, Arc<str>)| {
            let names = follows.get(topic);
            names.is_some_and(|names| names.contains(name))
        };
        let fresh: HashSet<_> = topics.iter().filter(|one| !known(one)).collect();
        follows.values().map(BTreeSet::len).sum::<usize>() + fresh.len()
    }

    /// Topics that anybody follows and that begin so.
    pub fn followed(&self, start: &str) -> Vec<Arc<str>> {
        let state = self.lock();
        let topics = state.index.keys().filter(|topic| topic.starts_with(start));
        topics.cloned().collect()
    }

    /// How many follow a topic.
    pub fn followers(&self, topic: &str) -> usize {
        let state = self.lock();
        state.index.get(topic).map_or(0, HashMap::len)
    }

    /// Topics that somebody began to follow since this was last asked: their states are told anew.
    pub fn take_fresh(&self) -> HashSet<Arc<str>> {
        std::mem::take(&mut self.lock().fresh)
    }

    /// Everybody who follows anything.
    pub fn clients(&self) -> Vec<Arc<Client>> {
        self.lock().clients.values().cloned().collect()
    }

    /// Tells the followers of a topic. A gauge is a state: a later one replaces it, and nobody who comes back needs it.
    pub fn publish(&self, topic: &str, kind: &str, data: &Value, gauge: bool) {
        let mut state = self.lock();
        self.put(
            &mut state,
            topic,
            &kind.into(),
            &data.to_string().into(),
            gauge,
        );
    }

    /// Tells an event to the followers of everything that it is about, once.
    pub fn event(&self, news: &News) {
        let mut state = self.lock();
        if !state.told_set.insert(news.number) {
            return;
        }
        state.told.push_back(news.number);
        if state.told.len() > TOLD
            && let Some(oldest) = state.told.pop_front()
        {
            state.told_set.remove(&oldest);
        }
        let (kind, data): (Arc<str>, Arc<str>) =
            (news.kind.as_str().into(), json!(news).to_string().into());
        for topic in topic::of(news) {
            self.put(&mut state, &topic, &kind, &data, false);
        }
    }

    fn put(&self, state: &mut State, topic: &str, kind: &Arc<str>, data: &Arc<str>, gauge: bool) {
        state.seq += 1;
        let frame = Frame {
            seq: state.seq,
            at: Instant::now(),
            topic: topic.into(),
            kind: kind.clone(),
            data: data.clone(),
        };
        let mut slow = Vec::new();
        if let Some(followers) = state.index.get(topic) {
            let plain = frame.text(topic);
            for client in followers.values() {
                let names = client.follows().get(topic).cloned().unwrap_or_default();
                for name in names {
                    let text = if *name == *topic {
                        plain.clone()
                    } else {
                        frame.text(&name)
                    };
                    if !client.mailbox.push(text, gauge.then(|| name.clone())) {
                        self.metrics.ws_dropped.inc();
                        slow.push(client.clone());
                    }
                }
            }
        }
        for client in slow {
            state.silence(&client);
        }
        if !gauge {
            state.ring.push_back(frame);
        }
        while state.ring.len() > FRAMES
            || state
                .ring
                .front()
                .is_some_and(|first| first.at.elapsed() > REMEMBERED)
        {
            if let Some(first) = state.ring.pop_front() {
                state.forgotten = first.seq;
            }
        }
    }

    /// This instance stops: everybody is told to come back.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        for client in state.clients.values() {
            client.mailbox.end(End::Restart);
        }
    }
}

impl State {
    /// Nothing is told to it any more.
    fn silence(&mut self, client: &Client) {
        for topic in client.follows().keys() {
            self.unfollow(topic, client.number);
        }
    }

    fn unfollow(&mut self, topic: &Arc<str>, client: u64) {
        if let Some(followers) = self.index.get_mut(topic) {
            followers.remove(&client);
            if followers.is_empty() {
                self.index.remove(topic);
            }
        }
    }
}
