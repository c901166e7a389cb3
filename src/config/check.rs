//! What values must be, alone and beside each other.
use super::Settings;
use anyhow::Result;
use secrecy::ExposeSecret;
use std::time::Duration;
use url::Url;

impl Settings {
    /// Refuses what no single field could refuse, by the key that is wrong.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |key: &str, why: &str| Err(anyhow::anyhow!("{key}: {why}"));
        match (&self.server.tls_cert, &self.server.tls_key) {
            (Some(_), None) => return wrong("server.tls_key", "needed with server.tls_cert"),
            (None, Some(_)) => return wrong("server.tls_cert", "needed with server.tls_key"),
            _ => {}
        }
        if let Some(url) = &self.database.url
            && url
                .expose_secret()
                .parse::<tokio_postgres::Config>()
                .is_err()
        {
            return wrong("database.url", "is not postgres://user@host/database");
        }
        if let Some(url) = &self.redis.url
            && !Url::parse(url.expose_secret())
                .is_ok_and(|url| ["redis", "rediss", "redis+unix", "unix"].contains(&url.scheme()))
        {
            return wrong("redis.url", "is not redis://host:port/0");
        }
        if self.database.pool < 2 {
            return wrong("database.pool", "at least 2");
        }
        if self.database.jobs_pool < 2 {
            return wrong("database.jobs_pool", "at least 2");
        }
        if self.accounting.min_interval.is_zero()
            || self.accounting.min_interval > self.accounting.max_interval
        {
            return wrong(
                "accounting.min_interval",
                "more than 0 and at most accounting.max_interval",
            );
        }
        if self.hook.guess_burst == 0 || self.hook.guess_per_second == 0 {
            return wrong(
                "hook.guess_burst",
                "guess_burst and guess_per_second are at least 1",
            );
        }
        let server = &self.server;
        let waits = [
            server.head_timeout,
            server.body_timeout,
            server.request_timeout,
        ];
        if waits.iter().any(|wait| *wait < Duration::from_secs(1)) {
            return wrong(
                "server.request_timeout",
                "head_timeout, body_timeout and request_timeout are at least 1s",
            );
        }
        self.check_logins()?;
        if server.reader_timeout < Duration::from_millis(100) {
            return wrong("server.reader_timeout", "at least 100ms");
        }
        let silence = self.live.ping_timeout;
        if silence < Duration::from_millis(100) || silence > Duration::from_secs(30) {
            return wrong("live.ping_timeout", "from 100ms to 30s");
        }
        if self.hook.batch_rows == 0 || self.hook.queue_rows == 0 {
            return wrong(
                "hook.batch_rows",
                "batch_rows and queue_rows are at least 1",
            );
        }
        if self
            .accounting
            .thresholds
            .iter()
            .any(|p| !(1..100).contains(p))
        {
            return wrong("accounting.thresholds", "percents between 1 and 99");
        }
        Ok(())
    }

    fn check_logins(&self) -> Result<()> {
        let logins = &self.logins;
        let minute = Duration::from_mins(1);
        let checks = [
            (
                logins.access_lifetime >= minute && logins.access_lifetime <= 10 * minute,
                "logins.access_lifetime: from 1m to 10m",
            ),
            (
                logins.idle >= minute && logins.lifetime >= logins.idle,
                "logins.idle: at least 1m and at most logins.lifetime",
            ),
            (
                logins.hash_memory >= 19 << 20 && logins.hash_memory <= 1 << 30,
                "logins.hash_memory: from 19MiB to 1GiB",
            ),
            (
                (2..=100).contains(&logins.hash_passes),
                "logins.hash_passes: from 2 to 100",
            ),
            (
                logins.hash_queue > 0
                    && logins.tries > 0
                    && logins.tries_per_second > 0
                    && logins.proofs > 0,
                "logins.hash_queue, tries, tries_per_second and proofs: at least 1",
            ),
            (
                self.mail.smtp_url.is_none() || self.mail.from.contains('@'),
                "mail.from: an address, needed with mail.smtp_url",
            ),
            (
                self.server.allowed_origins.iter().all(|origin| {
                    Url::parse(origin)
                        .is_ok_and(|url| url.origin().ascii_serialization() == *origin)
                }),
                "server.allowed_origins: origins such as https://panel.example.com",
            ),
        ];
        match checks.iter().find(|(fine, _)| !fine) {
            Some((_, why)) => Err(anyhow::anyhow!("{why}")),
            None => Ok(()),
        }
    }
}
