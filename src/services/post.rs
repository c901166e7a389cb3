//! Letters to people, left by whoever has something to tell; `logins::Mailer` carries them. No answer waits for one, and
//! none tells whether there was somebody to write to.
use crate::models::User;
use lettre::message::Mailbox;
use tokio::sync::mpsc;

/// Letters that wait; more are dropped and said so in the log.
pub(in crate::services) const QUEUE: usize = 256;

/// What is to be written.
#[derive(Debug)]
pub(in crate::services) enum Letter {
    /// Somebody called so forgot a password, perhaps.
    Forgotten(String),
    Notice(Mailbox, &'static str, &'static str),
}

/// Where letters are left.
#[derive(Clone, Debug)]
pub struct Post(Option<mpsc::Sender<Letter>>);

/// Letters on their way to who carries them.
pub struct Letters(pub(in crate::services) mpsc::Receiver<Letter>);

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
    pub(in crate::services) fn forgotten(&self, name: &str) {
        self.leave(Letter::Forgotten(name.to_owned()));
    }

    pub(in crate::services) fn new_place(&self, user: &User) {
        self.notice(
            user,
            "New login to your account",
            "Somebody logged in to your account from an address that was not seen before. If that was not you, set a new password and end the other logins.",
        );
    }

    pub(in crate::services) fn password_changed(&self, user: &User) {
        self.notice(
            user,
            "Your password was changed",
            "The password of your account was changed, and every other login was ended. If that was not you, ask whoever runs this service.",
        );
    }

    pub(in crate::services) fn factor_changed(&self, user: &User) {
        self.notice(
            user,
            "Your second factor was changed",
            "The second factor of your account was set up, replaced or given up, and every other login was ended. If that was not you, ask whoever runs this service.",
        );
    }

    /// To where the account was written to before.
    pub(in crate::services) fn email_changed(&self, old: &User) {
        self.notice(
            old,
            "Your e-mail address was changed",
            "Your account is written to at another address from now on, and every other login was ended. If that was not you, ask whoever runs this service.",
        );
    }

    pub(in crate::services) fn refresh_reused(&self, user: &User) {
        self.notice(
            user,
            "A copy of your login was used",
            "What keeps one of your logins open came twice, so somebody has a copy of it. That login was ended. If you know of no copy, set a new password.",
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
