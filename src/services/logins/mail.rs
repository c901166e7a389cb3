//! Mail to people: a link to a new password, and what they should know of what happened to their account. It is written
//! beside requests: no answer waits for it, and none tells whether there was somebody to write to.
use super::Logins;
use crate::models::User;
use anyhow::{Context, Result};
use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tokio::sync::mpsc;

/// Letters that wait; more are dropped and said so in the log.
const QUEUE: usize = 256;
/// Between tries.
const AGAIN: [Duration; 3] = [
    Duration::from_secs(2),
    Duration::from_secs(15),
    Duration::from_mins(1),
];

/// What is to be written.
#[derive(Debug)]
enum Letter {
    /// Somebody called so forgot a password, perhaps.
    Forgotten(String),
    Notice(Mailbox, &'static str, &'static str),
}

/// Where letters are left.
#[derive(Clone, Debug)]
pub struct Post(Option<mpsc::Sender<Letter>>);

/// Who carries them.
pub struct Mailer {
    logins: Logins,
    server: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    letters: mpsc::Receiver<Letter>,
}

/// Letters on their way from the one to the other.
pub struct Letters(mpsc::Receiver<Letter>);

impl Post {
    /// Without a server nothing is written.
    pub fn closed() -> Self {
        Self(None)
    }

    /// A box, and what falls into it.
    pub fn open() -> (Self, Letters) {
        let (post, letters) = mpsc::channel(QUEUE);
        (Self(Some(post)), Letters(letters))
    }

    /// Somebody called so forgot a password.
    pub(super) fn forgotten(&self, name: &str) {
        self.leave(Letter::Forgotten(name.to_owned()));
    }

    pub(super) fn new_place(&self, user: &User) {
        self.notice(
            user,
            "New login to your account",
            "Somebody logged in to your account from an address that was not seen before. If that was not you, set a new password and end the other logins.",
        );
    }

    pub(super) fn password_changed(&self, user: &User) {
        self.notice(
            user,
            "Your password was changed",
            "The password of your account was changed, and every other login was ended. If that was not you, ask whoever runs this service.",
        );
    }

    pub(super) fn factor_changed(&self, user: &User) {
        self.notice(
            user,
            "Your second factor was changed",
            "The second factor of your account was set up, replaced or given up, and every other login was ended. If that was not you, ask whoever runs this service.",
        );
    }

    fn notice(&self, user: &User, subject: &'static str, text: &'static str) {
        let to = user.email.as_deref().and_then(|email| email.parse().ok());
        if let Some(email) = to {
            self.leave(Letter::Notice(Mailbox::new(None, email), subject, text));
        }
    }

    fn leave(&self, letter: Letter) {
        if let Some(post) = &self.0
            && post.try_send(letter).is_err()
        {
            tracing::warn!("a mail was dropped: too many wait");
        }
    }
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
            letters: letters.0,
        })
    }

    /// The next letter, written and sent; `false`: there will be none any more.
    pub async fn run_once(&mut self) -> bool {
        let Some(letter) = self.letters.recv().await else {
            return false;
        };
        match self.written(letter).await {
            Ok(Some(message)) => self.send(message).await,
            // nobody is called so, or nobody with an address
            Ok(None) => {}
            Err(error) => tracing::warn!(error = format!("{error:#}"), "a mail was not written"),
        }
        true
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

    async fn send(&self, message: Message) {
        for pause in AGAIN.into_iter().map(Some).chain([None]) {
            match (self.server.send(message.clone()).await, pause) {
                (Ok(_), _) => return,
                (Err(error), Some(pause)) if !error.is_permanent() => {
                    tracing::info!(%error, "a mail was not taken, again later");
                    tokio::time::sleep(pause).await;
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "a mail was not taken");
                    return;
                }
            }
        }
    }
}
