//! What the parts stand on: who is online, the directory that follows the change log, what settings say of others.
use super::{LOG_PERIOD, RECONCILE};
use crate::{
    admission::Directory,
    cache::Cache,
    clock::Clock,
    config::Settings,
    database,
    handlers::{browser::AllowedOrigins, docs::Docs},
    jobs::Crew,
    models::{NodeNo, UserNo},
    openapi,
    repositories::{Db, changes, nodes},
    services::{
        directory::{DirectoryKeeper, Keeper, KeeperSettings},
        enforcement::Hurry,
        instance,
        leases::Leases,
        logins::Revocations,
        nodes::Policy,
    },
};
use anyhow::Result;
use secrecy::ExposeSecret;
use std::{net::SocketAddr, sync::Arc};

/// What all keys in Redis begin with.
const PREFIX: &str = "hywarden:";

/// The document, if people are to see it.
pub(super) fn described(settings: &Settings) -> Result<Docs> {
    let text = settings.server.docs.then(openapi::json).transpose()?;
    Ok(Docs(text.map(Into::into)))
}

/// Origins whose pages may call, beside the one that a request names.
pub(super) fn origins(settings: &Settings) -> AllowedOrigins {
    let public = settings.server.public_url.as_ref();
    AllowedOrigins {
        own: public.map(|url| url.origin().ascii_serialization()),
        others: settings.server.allowed_origins.clone(),
    }
}

pub(super) fn policy(settings: &Settings, (hook_listen, tls): (SocketAddr, bool)) -> Policy {
    Policy {
        allowed_cidrs: settings.nodes.allowed_cidrs.clone(),
        public_url: settings.server.public_url.clone(),
        hook_listen,
        tls,
    }
}

/// What Redis keeps for the API: limits, tickets, what was made already.
pub(super) fn cache(settings: &Settings) -> Result<Option<Cache>> {
    let url = settings.redis.url.as_ref();
    url.map(|url| Cache::open(url.expose_secret(), PREFIX))
        .transpose()
}

/// Where there is no Redis this instance is the only one. Who is online is known once every node was heard.
pub(super) async fn leases(settings: &Settings, db: &Db, clock: Arc<dyn Clock>) -> Result<Leases> {
    let leases = match cache(settings)? {
        None => Leases::memory(clock),
        // A connection of its own: no login waits behind what the API asks for.
        Some(own) => {
            let space = instance::lease_space(db, &*clock).await?;
            Leases::shared(clock, own, &space).await?
        }
    };
    leases.expect(&nodes::list_numbers(&mut *db.get().await?).await?);
    Ok(leases)
}

/// Starts the directory's keeper: whoever's access changes is looked for on the nodes where it is online.
pub(super) fn keep(
    url: &str,
    directory: &Arc<Directory>,
    (leases, hurry, revocations): (&Arc<Leases>, &Arc<Hurry>, &Arc<Revocations>),
    clock: Arc<dyn Clock>,
    crew: &mut Crew,
) -> Arc<DirectoryKeeper> {
    let (online, bells, known) = (leases.clone(), hurry.clone(), directory.clone());
    let (alarm, revocations) = (revocations.clone(), revocations.clone());
    let changed = move |users: &[UserNo], nodes: &[NodeNo]| {
        revocations.users_changed(users);
        for gone in nodes.iter().filter(|node| known.node(**node).is_none()) {
            let (online, gone) = (online.clone(), *gone);
            tokio::spawn(async move { online.forget_node(gone).await });
        }
        let theirs = users.iter().flat_map(|user| online.nodes_of(*user));
        theirs
            .chain(nodes.iter().copied())
            .for_each(|node| bells.node(node));
    };
    let settings = KeeperSettings {
        database_url: url.to_owned(),
        period: LOG_PERIOD,
        reconcile_every: RECONCILE,
    };
    let (keeper, front) = Keeper::new(settings, directory.clone(), clock, Arc::new(changed));
    crew.start("directory", keeper.run(crew.stop()));
    let front = Arc::new(front);
    let hurried = front.clone();
    let notices = database::listen(url.to_owned(), changes::CHANNEL, crew.stop(), move |_| {
        hurried.hurry();
        alarm.noticed();
    });
    crew.start("notices", notices);
    front
}
