//! What decides, counts and enforces, joined: what it stands on is `ground`, the loops that keep it going are `tasks`.
mod ground;
mod tasks;

use crate::{
    admission::{
        CredentialKeys, Directory, IdKeys, Memory,
        guesses::Guesses,
        recent::{Addresses, Recent},
    },
    clock::{self, Clock},
    config::Settings,
    database::Database,
    handlers::{
        browser::AllowedOrigins, client::TrustedProxies, docs::Docs, problem::Methods,
        request::Deadlines,
    },
    hysteria::stats::Dialer,
    jobs::Crew,
    keyring::Keyring,
    openapi,
    repositories::{Db, Use, directory, pool},
    services::{
        Services,
        accounting::{self, Accounting, opened},
        admission::{self, Admission},
        audit::Audit,
        configuration::{self, Configuration},
        devices::Devices,
        enforcement::Hurry,
        events::Events,
        groups::Groups,
        idempotency::Idempotency,
        instance::Registration,
        keys::{self, Keys},
        leases::Leases,
        live::{self, Hub, Live},
        logins::Revocations,
        nodes::Nodes,
        plans::Plans,
        profiles::Profiles,
        quarantine::Quarantine,
        refusals::Refusals,
        reports::{Reports, Turns},
        rounds::Rounds,
        store::Store,
        switches::Switchboard,
        system::System,
        tokens::Tokens,
        traffic::Traffic,
        users::{Overdue, Users},
        webhooks::{
            self, Webhooks,
            guard::{Guard, SystemNames},
        },
    },
    telemetry::Metrics,
};
use anyhow::Result;
use arc_swap::ArcSwap;
use chrono::TimeDelta;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

/// Between two reads of the change log (design, 3).
const LOG_PERIOD: Duration = Duration::from_secs(1);
/// Between two comparisons of the whole directory.
const RECONCILE: Duration = Duration::from_mins(5);

/// Everything that listeners and jobs share.
#[derive(Clone)]
pub struct Parts {
    pub clock: Arc<dyn Clock>,
    /// Of requests.
    pub db: Db,
    /// Of jobs: a slow sweep does not starve the API.
    pub jobs_db: Db,
    pub keyring: Arc<Keyring>,
    pub directory: Arc<Directory>,
    pub memory: Arc<Memory>,
    pub leases: Arc<Leases>,
    pub hurry: Arc<Hurry>,
    pub services: Services,
    pub proxies: TrustedProxies,
    pub origins: AllowedOrigins,
    /// The document for people.
    pub docs: Docs,
    pub deadlines: Deadlines,
    /// Which methods each path has.
    pub methods: Methods,
    pub metrics: Metrics,
    /// Of the private PostgreSQL, after it ended by itself.
    pub restarts: Arc<AtomicU64>,
}

impl Parts {
    /// Builds them and starts the tasks that belong to them.
    #[expect(
        clippy::too_many_lines,
        reason = "one part after the other, no branches"
    )]
    pub async fn build(
        settings: &Settings,
        database: &Database,
        (api, hook): ((SocketAddr, bool), (SocketAddr, bool)),
        clock: Arc<dyn Clock>,
        crew: &mut Crew,
    ) -> Result<Self> {
        let db = pool(database.url(), settings.database.pool, Use::Requests)?;
        let jobs_db = pool(database.url(), settings.database.jobs_pool, Use::Jobs)?;
        let registration =
            Registration::register(database.url(), settings.redis.url.is_some()).await?;
        let keyring =
            keys::open(&mut *db.get().await?, &settings.keys_file(), clock.clone()).await?;
        let keyring = Arc::new(keyring);
        let metrics = Metrics::new()?;
        let ids = Arc::new(IdKeys::new(&keyring.connection_id_keys()));
        let memory = Arc::new(Memory {
            keys: CredentialKeys::new(&keyring.peppers()),
            guesses: Guesses::new(
                settings.hook.guess_burst,
                settings.hook.guess_per_second,
                u64::from_ne_bytes(clock::random(&*clock)),
            ),
            addresses: Addresses::default(),
            maintenance: AtomicBool::new(settings.maintenance.deny_logins),
        });
        let leases = Arc::new(ground::leases(settings, &db, clock.clone()).await?);
        let hurry = Arc::<Hurry>::default();
        let directory = Arc::<Directory>::default();
        let revocations = Arc::<Revocations>::default();
        let keeper = ground::keep(
            database.url(),
            &directory,
            (&leases, &hurry, &revocations),
            clock.clone(),
            crew,
        );
        let store = Store {
            db: db.clone(),
            clock: clock.clone(),
            directory: keeper.clone(),
            keyring: keyring.clone(),
        };
        let (opened, queue) = opened::queue(settings.hook.queue_rows);
        let (aftermath, aftermath_writer) = admission::aftermath(jobs_db.clone(), clock.clone());
        let accounting = Arc::new(Accounting::new(accounting::Parts {
            db: jobs_db.clone(),
            clock: clock.clone(),
            keys: ids.clone(),
            settings: settings.accounting.clone(),
            retention: (&settings.retention).into(),
            zone: settings.settings.time_zone,
            data_dir: settings.data_dir.clone(),
            metrics: metrics.clone(),
        }));
        let recent = Arc::<Recent>::default();
        let parts = admission::Parts {
            directory: directory.clone(),
            keeper: keeper.clone(),
            memory: memory.clone(),
            ids: ids.clone(),
            leases: leases.clone(),
            recent: recent.clone(),
            hurry: hurry.clone(),
            opened,
            aftermath,
            registration,
            metrics: metrics.clone(),
            clock: clock.clone(),
        };
        let admission = Arc::new(Admission::new(
            parts,
            u64::from_ne_bytes(clock::random(&*clock)),
        ));
        let (post, letters) = crate::app::logins::post(settings);
        let users = Users {
            store: store.clone(),
            recent,
            post,
        };
        let cache = ground::cache(settings)?;
        let devices = Devices {
            store: store.clone(),
            keyring: keyring.clone(),
            credentials: Arc::new(memory.keys.clone()),
            leases: leases.clone(),
            cache: cache.clone(),
        };
        let rules = &settings.webhooks;
        let guard = Guard::new(Arc::new(SystemNames), &rules.ports, &rules.allowed_cidrs);
        let webhooks = Webhooks {
            store: store.clone(),
            jobs_db: jobs_db.clone(),
            keyring: keyring.clone(),
            http: webhooks::client(&guard, rules.ca_file.as_deref(), rules.timeout)?,
            guard,
            timeout: rules.timeout,
            metrics: metrics.clone(),
            serving: webhooks::Serving::default(),
        };
        let switches = Switchboard {
            store: store.clone(),
            memory: memory.clone(),
            deny_logins: Arc::new(AtomicBool::new(settings.maintenance.deny_logins)),
            log_level: Arc::new(ArcSwap::from_pointee(settings.log.level.clone())),
            now: Arc::default(),
            turn: Arc::default(),
        };
        let logins = crate::app::logins::build(
            settings,
            (&store, &users, &keyring, &revocations),
            (letters, cache.clone()),
            &metrics,
            api,
        )?;
        let (words, said) = live::queue();
        let live = Live {
            words,
            store: store.clone(),
            hub: Hub::new(&clock.uuid().simple().to_string(), metrics.clone()),
            events: Events {
                store: store.clone(),
            },
            cache: cache.clone(),
            leases: leases.clone(),
            directory: directory.clone(),
            metrics: metrics.clone(),
            tickets: Arc::default(),
            logins: logins.logins.clone(),
            silence: settings.live.ping_timeout,
        };
        let refusals = Arc::new(Refusals::new(
            db.clone(),
            clock.clone(),
            metrics.unauthenticated.clone(),
        ));
        let services = Services {
            webhooks,
            rounds: Rounds::new(clock.clone()),
            reports: Reports {
                store: store.clone(),
                cache,
                exports: Turns::default(),
                patience: settings.server.reader_timeout,
            },
            live,
            configuration: Configuration {
                sources: Arc::new(settings.sources.clone()),
                running: Arc::new(ArcSwap::from_pointee(configuration::printed(
                    &settings.sources,
                )?)),
                switches: switches.clone(),
                limits: logins.logins.limits.clone(),
            },
            switches,
            system: System {
                clock: clock.clone(),
                started_at: clock.now(),
                db: db.clone(),
                jobs_db: jobs_db.clone(),
                leases: leases.clone(),
                directory: directory.clone(),
                keeper: keeper.clone(),
            },
            admission,
            directory: keeper.clone(),
            logins: logins.logins.clone(),
            refusals: refusals.clone(),
            plans: Plans {
                store: store.clone(),
                users: users.clone(),
            },
            profiles: Profiles {
                devices: devices.clone(),
            },
            overdue: Overdue {
                users: users.clone(),
                db: jobs_db.clone(),
                grace: settings.retention.deleted_users,
            },
            users,
            devices,
            nodes: Nodes {
                store: store.clone(),
                keyring: keyring.clone(),
                leases: leases.clone(),
                hurry: hurry.clone(),
                dialer: Dialer::new(&settings.nodes.allowed_cidrs)?,
                policy: ground::policy(settings, hook),
            },
            groups: Groups {
                store: store.clone(),
            },
            idempotency: Idempotency {
                store: store.clone(),
                keyring: keyring.clone(),
            },
            tokens: Tokens {
                store: store.clone(),
            },
            traffic: Traffic {
                store: store.clone(),
            },
            events: Events {
                store: store.clone(),
            },
            audit: Audit {
                store: store.clone(),
                keyring: keyring.clone(),
                heads: settings.data_dir.join("audit-heads.jsonl"),
                known: Arc::default(),
            },
            keys: Keys {
                store: store.clone(),
                keyring: keyring.clone(),
                ids: ids.clone(),
                credentials: memory.keys.clone(),
                file: settings.keys_file(),
                shared: settings.redis.url.is_some(),
                moved: Arc::default(),
                changing: Arc::default(),
            },
            quarantine: Quarantine {
                store,
                accounting: accounting.clone(),
            },
            accounting,
            hurry: hurry.clone(),
        };
        let proxies = TrustedProxies(settings.server.trusted_proxies.clone());
        let parts = Self {
            clock,
            db,
            jobs_db,
            keyring,
            directory,
            memory,
            leases,
            hurry,
            services,
            proxies,
            origins: ground::origins(settings),
            docs: ground::described(settings)?,
            deadlines: Deadlines {
                request: settings.server.request_timeout,
                body: settings.server.body_timeout,
            },
            methods: Methods(openapi::methods()),
            metrics,
            restarts: database.restarts(),
        };
        let rounds = parts.services.rounds.clone();
        logins.start(settings, refusals, rounds, crew)?;
        parts.services.switches.refresh().await?;
        parts.start(revocations, said, crew);
        crew.start("aftermath", aftermath_writer.run(crew.stop()));
        crate::app::counting::start(settings, &parts, queue, crew).await?;
        parts.remember_addresses().await?;
        Ok(parts)
    }

    /// Where legacy devices were online lately: after a restart they are as welcome there as before.
    async fn remember_addresses(&self) -> Result<()> {
        let since = self.clock.now() - TimeDelta::hours(24);
        let seen = directory::legacy_addresses(&mut *self.jobs_db.get().await?, since).await?;
        for (device, addr, at) in seen {
            if let (Some(addr), Some(at)) = (addr, at) {
                self.memory
                    .addresses
                    .saw(device, crate::admission::AddrKey::of(addr.addr()), at);
            }
        }
        Ok(())
    }

    /// Whether nobody has been added yet: then the first steps are worth saying.
    pub async fn is_new(&self) -> bool {
        self.services.directory.wait_filled(LOG_PERIOD).await && self.directory.is_empty()
    }
}
