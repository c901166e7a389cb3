//! The loops that keep the parts going.
use super::Parts;
use crate::{
    jobs::{self, Crew},
    services::{
        enforcement::ExpiryTimer, events::News, live::Words, logins::Revocations, outbox::Outbox,
    },
};
use std::sync::Arc;

impl Parts {
    /// Starts them all but those that count, which are `counting`'s.
    pub(super) fn start(&self, revocations: Arc<Revocations>, said: Words, crew: &mut Crew) {
        let rounds = self.services.rounds.clone();
        let outbox = Outbox {
            db: self.jobs_db.clone(),
            clock: self.clock.clone(),
            listener: {
                let live = self.services.live.clone();
                Arc::new(move |events| live.announce(events.into_iter().map(News::from).collect()))
            },
        };
        crew.start(
            "switches",
            jobs::switches::run(self.services.switches.clone(), rounds.clone(), crew.stop()),
        );
        let live = self.services.live.clone();
        crew.start(
            "live",
            jobs::live::run(live.clone(), rounds.clone(), crew.stop()),
        );
        crew.start(
            "live watch",
            jobs::live::watch(live.clone(), revocations, crew.stop()),
        );
        crew.start(
            "live speaker",
            jobs::live::speak(live.clone(), said, crew.stop()),
        );
        crew.start("live listener", jobs::live::listen(live, crew.stop()));
        crew.start(
            "webhooks",
            jobs::webhooks::run(self.services.webhooks.clone(), rounds.clone(), crew.stop()),
        );
        crew.start(
            "audit",
            jobs::audit::run(self.services.audit.clone(), rounds.clone(), crew.stop()),
        );
        crew.start(
            "keys",
            jobs::keys::run(self.services.keys.clone(), rounds.clone(), crew.stop()),
        );
        crew.start("outbox", jobs::outbox::run(outbox, rounds, crew.stop()));
        let timer = ExpiryTimer::new(
            self.directory.clone(),
            self.hurry.clone(),
            self.clock.clone(),
        );
        crew.start(
            "expiry",
            jobs::expiry::run(timer, self.leases.clone(), self.clock.clone(), crew.stop()),
        );
    }
}
