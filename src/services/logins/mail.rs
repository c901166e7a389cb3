//! Who carries the letters that are left: a link to a new password, and what people should know of what happened to their
//! account. A letter that is not taken waits for its next try while others go on.
use super::Logins;
use crate::services::post::{Letter, Letters, QUEUE};
use anyhow::{Context, Result};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::{ExposeSecret, SecretString};
use std::{future::pending, time::Duration};
use tokio::time::{Instant, sleep_until};

/// Between tries.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(15),
    Duration::from_mins(1),
];

/// Who carries them.
pub struct Mailer {
    logins: Logins,
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    letters: Letters,
    /// Those that were not taken; never more than may wait in the box.
    refused: Vec<Refused>,
}

/// A letter that was not taken.
struct Refused {
    message: Message,
    tries: usize,
    again_at: Instant,
}

impl Mailer {
    /// Carries letters to this server.
    pub fn new(
        logins: Logins,
        server: &SecretString,
        from: &str,
        letters: Letters,
    ) -> Result<Self> {
        let server = AsyncSmtpTransport::<Tokio1Executor>::from_url(server.expose_secret())
            .map_err(|_| anyhow::anyhow!("mail.smtp_url is not smtp://host:port"))?
            .timeout(Some(Duration::from_secs(20)))
            .build();
        Ok(Self {
            logins,
            server,
            from: from.parse().context("mail.from is no address")?,
            letters,
            refused: Vec::new(),
        })
    }

    /// The next letter, a new one or one whose next try is due; `false`: there will be none any more.
    pub async fn run_once(&mut self) -> bool {
        let due = self.refused.iter().map(|one| one.again_at).min();
        let due = async {
            match due {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        tokio::select! {
            letter = self.letters.0.recv() => match letter {
                Some(letter) => self.carry(letter).await,
                None => return false,
            },
            () = due => self.try_again().await,
        }
        true
    }

    async fn carry(&mut self, letter: Letter) {
        match self.written(letter).await {
            Ok(Some(message)) => self.send(message, 0).await,
            // nobody is called so, or nobody with an address
            Ok(None) => {}
            Err(error) => tracing::warn!(error = format!("{error:#}"), "a mail was not written"),
        }
    }

    async fn try_again(&mut self) {
        let now = Instant::now();
        if let Some(at) = self.refused.iter().position(|one| one.again_at <= now) {
            let Refused { message, tries, .. } = self.refused.swap_remove(at);
            self.send(message, tries).await;
        }
    }

    async fn written(&self, letter: Letter) -> Result<Option<Message>> {
        let (to, subject, text) = match letter {
            Letter::Notice(to, subject, text) => (to, subject, text.to_owned()),
            Letter::Forgotten(name) => {
                let Some((user, link)) = self.logins.mailed_link(&name).await? else {
                    return Ok(None);
                };
                let Some(email) = user.email.as_deref().and_then(|e| e.parse().ok()) else {
                    return Ok(None);
                };
                let text = format!(
                    "Somebody asked for a new password for your account. If that was you, set one here within 10 minutes:\n\n{}\n\nIf not, nothing happens.",
                    link.url.expose_secret()
                );
                (Mailbox::new(None, email), "Set a new password", text)
            }
        };
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body(text + "\n")?;
        Ok(Some(message))
    }

    /// Sends it, after so many tries; what the server may take later waits, as long as there is room.
    async fn send(&mut self, message: Message, tries: usize) {
        let Err(error) = self.server.send(message.clone()).await else {
            return;
        };
        match AGAIN.get(tries) {
            Some(pause) if !error.is_permanent() && self.refused.len() < QUEUE => {
                tracing::info!(%error, "a mail was not taken, again later");
                self.refused.push(Refused {
                    message,
                    tries: tries + 1,
                    again_at: Instant::now() + *pause,
                });
            }
            _ => tracing::warn!(%error, "a mail was not taken"),
        }
    }
}
