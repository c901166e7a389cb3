//! Tells what holds a login open (live channels) that something about a person changed: on this instance at once, on the
//! others as soon as the database's notice reaches them, with the change log, a second later at most, if it does not. Who
//! hears it looks whether what it holds open still stands.
use super::standing::Standings;
use crate::models::UserNo;
use tokio::sync::broadcast;

/// Changes that a slow listener may be behind; further behind it is told that it missed some.
const BEHIND: usize = 1024;

/// What may have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// Anything of this user: its role, its logins, its account.
    User(UserNo),
    /// Anything of anybody, tokens too.
    Something,
}

/// The bell.
pub struct Revocations {
    bell: broadcast::Sender<Revoked>,
    pub(super) standings: Standings,
}

impl Default for Revocations {
    fn default() -> Self {
        Self {
            bell: broadcast::Sender::new(BEHIND),
            standings: Standings::default(),
        }
    }
}

impl Revocations {
    /// What changes from now on. `Lagged`: anything may have.
    pub fn subscribe(&self) -> broadcast::Receiver<Revoked> {
        self.bell.subscribe()
    }

    /// To be called when the database says that something was committed.
    pub fn noticed(&self) {
        // nobody may be listening
        let _ = self.bell.send(Revoked::Something);
    }

    /// To be called with what the change log says.
    pub fn users_changed(&self, users: &[UserNo]) {
        self.standings.forget(users);
        for user in users {
            // nobody may be listening
            let _ = self.bell.send(Revoked::User(*user));
        }
    }
}
