//! What people log in by, built from the settings.
use crate::{
    cache::Cache,
    clock::SystemClock,
    config::{Registration as Set, Settings},
    database::Database,
    jobs::{self, Crew},
    keyring::Keyring,
    repositories::{Use, pool},
    services::{
        logins::{
            Access, Hasher, HasherSettings, LimitSettings, Limits, LoginSettings, Logins, Mailer,
            Registration, Revocations, make_link,
        },
        post::{Letters, Post},
        refusals::Refusals,
        rounds::Rounds,
        store::Store,
        users::Users,
    },
    telemetry::Metrics,
};
use anyhow::{Context, Result};
use chrono::TimeDelta;
use secrecy::ExposeSecret;
use std::{
    fs::{self, File},
    io::{IsTerminal, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    sync::Arc,
};
use url::Url;

/// Where letters are left, and what falls in; without a server nowhere and nothing.
pub(super) fn post(settings: &Settings) -> (Post, Option<Letters>) {
    if settings.mail.smtp_url.is_none() {
        return (Post::closed(), None);
    }
    let (post, letters) = Post::open();
    (post, Some(letters))
}

/// The service, and the letters that it and others leave.
pub(super) struct Built {
    pub logins: Logins,
    letters: Option<Letters>,
}

/// Builds it; `listen` is where people reach us when no public URL is set.
pub(super) fn build(
    settings: &Settings,
    (store, users, keyring, revocations): (&Store, &Users, &Arc<Keyring>, &Arc<Revocations>),
    (letters, cache): (Option<Letters>, Option<Cache>),
    metrics: &Metrics,
    listen: (SocketAddr, bool),
) -> Result<Built> {
    let set = &settings.logins;
    let clock = store.clock.clone();
    let hasher = HasherSettings {
        memory: set.hash_memory,
        passes: set.hash_passes,
        threads: set.hash_threads,
        queue: set.hash_queue,
    };
    let limits = LimitSettings {
        tries: set.tries,
        tries_per_second: set.tries_per_second,
        proofs: set.proofs,
    };
    let access = Access::new(
        keyring.clone(),
        set.trusted_keys.as_deref(),
        TimeDelta::from_std(set.access_lifetime)?,
    )?;
    let logins = Logins {
        store: store.clone(),
        users: users.clone(),
        keyring: keyring.clone(),
        hasher: Arc::new(Hasher::new(hasher, clock.clone(), metrics.clone())?),
        limits: Arc::new(Limits::new(limits, clock, cache)),
        access: Arc::new(access),
        revocations: revocations.clone(),
        mail: users.post.clone(),
        settings: Arc::new(LoginSettings {
            registration: match set.registration {
                Set::Off => Registration::Off,
                Set::Invite => Registration::Invite,
                Set::Open => Registration::Open,
            },
            registration_quota: i64::try_from(set.registration_quota)?,
            idle: TimeDelta::from_std(set.idle)?,
            lifetime: TimeDelta::from_std(set.lifetime)?,
            invite_lifetime: TimeDelta::from_std(set.invite_lifetime)?,
            base: base(settings, listen)?,
        }),
        metrics: metrics.clone(),
    };
    Ok(Built { logins, letters })
}

/// Where links lead: never to what a request calls us.
pub(super) fn base(settings: &Settings, (listen, tls): (SocketAddr, bool)) -> Result<Url> {
    if let Some(url) = &settings.server.public_url {
        return Ok(url.clone());
    }
    let scheme = if tls { "https" } else { "http" };
    let host = if listen.ip().is_unspecified() {
        format!("localhost:{}", listen.port())
    } else {
        listen.to_string()
    };
    Ok(Url::parse(&format!("{scheme}://{host}"))?)
}

/// Where the link to the first superadmin lies when nobody looks at the terminal.
const LINK_FILE: &str = "setup-link";

/// Says how the first superadmin is made, as long as there is none: to a terminal, else into a file that only we read.
pub(super) async fn say_setup_link(settings: &Settings, logins: &Logins) -> Result<()> {
    let file = settings.data_dir.join(LINK_FILE);
    let Some(link) = logins.setup_link().await? else {
        // dead since it was used
        let _ = fs::remove_file(&file);
        return Ok(());
    };
    if std::io::stdout().is_terminal() {
        println!(
            "\nMake the first superadmin within an hour:\n  {}",
            link.url.expose_secret()
        );
        return Ok(());
    }
    let _ = fs::remove_file(&file);
    let mut to = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .with_context(|| format!("cannot write {}", file.display()))?;
    writeln!(to, "{}", link.url.expose_secret())?;
    println!(
        "the link that makes the first superadmin is in {}, for an hour",
        file.display()
    );
    tracing::info!(file = %file.display(), "the link that makes the first superadmin is there, for an hour");
    Ok(())
}

/// Makes that link where the program does not run.
pub async fn setup_link(settings: &Settings) -> Result<Option<String>> {
    let database = Database::visit(settings).await?;
    let made = async {
        super::migrate(settings, database.url()).await?;
        let pool = pool(database.url(), 2, Use::Jobs)?;
        let tls = settings.server.tls_cert.is_some();
        let base = base(settings, (settings.server.listen, tls))?;
        let mut conn = pool.get().await?;
        let link = make_link(&mut conn, &SystemClock, &base).await?;
        Ok(link.map(|link| link.url.expose_secret().to_owned()))
    };
    let made = made.await;
    database.close().await?;
    made
}

impl Built {
    /// Starts what carries mail and looks after what logins leave behind.
    pub(super) fn start(
        self,
        settings: &Settings,
        refusals: Arc<Refusals>,
        rounds: Rounds,
        crew: &mut Crew,
    ) -> Result<()> {
        if let (Some(server), Some(letters)) = (&settings.mail.smtp_url, self.letters) {
            let from = &settings.mail.from;
            let mailer = Mailer::new(self.logins.clone(), server, from, letters)?;
            crew.start("mail", jobs::mail::run(mailer, crew.stop()));
        }
        let tidy = jobs::logins::run(self.logins, refusals, rounds, crew.stop());
        crew.start("logins", tidy);
        Ok(())
    }
}
