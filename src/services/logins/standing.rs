//! Whether a login stands, and what its person is, as of a second ago at most: read from the database, kept for a second,
//! forgotten at once when the change log names the person. So a demotion bites within a second whatever the token says (S2).
use crate::models::{Role, Session, SessionId, User, UserId, UserNo};
use chrono::{DateTime, TimeDelta, Utc};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How old what is known may be.
const KEPT: Duration = Duration::from_secs(1);
/// Logins that are known at once; a second later they are read again anyway.
const MOST: usize = 65_536;

/// A login and its person.
#[derive(Clone, Debug)]
pub struct Standing {
    pub user: UserNo,
    pub user_id: UserId,
    pub role: Role,
    pub session: Session,
    /// Neither suspended nor deleted.
    live: bool,
}

impl Standing {
    /// Of rows just read.
    pub fn of(session: Session, user: &User) -> Self {
        Self {
            user: user.number,
            user_id: user.id,
            role: user.role,
            live: user.suspended_at.is_none() && user.deleted_at.is_none(),
            session,
        }
    }

    /// Whether it carries a request.
    pub fn is_live(&self, now: DateTime<Utc>, idle: TimeDelta) -> bool {
        self.live && self.session.is_live(now, idle)
    }
}

/// What was read in the last second.
#[derive(Default)]
pub struct Standings {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    by_session: HashMap<SessionId, (Instant, Standing)>,
    /// Rises with each forgetting: what was read before one is not kept after it.
    epoch: u64,
}

impl Standings {
    /// What is known, and the epoch to give back with what is read instead.
    pub fn get(&self, id: SessionId) -> Result<Standing, u64> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.by_session.get(&id) {
            Some((read, standing)) if read.elapsed() < KEPT => Ok(standing.clone()),
            _ => Err(known.epoch),
        }
    }

    /// Keeps what was read, unless something was forgotten meanwhile.
    pub fn keep(&self, standing: &Standing, epoch: u64) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.epoch != epoch {
            return;
        }
        if known.by_session.len() >= MOST {
            known
                .by_session
                .retain(|_, (read, _)| read.elapsed() < KEPT);
        }
        if known.by_session.len() < MOST {
            let entry = (Instant::now(), standing.clone());
            known.by_session.insert(standing.session.id, entry);
        }
    }

    /// Notes a use, unless one that is younger than `every` is noted already: `true`, it is to be written down.
    pub fn used(&self, id: SessionId, now: DateTime<Utc>, every: TimeDelta) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.by_session.get_mut(&id) {
            Some((_, known)) if now - known.session.used_at < every => false,
            Some((_, known)) => {
                known.session.used_at = now;
                true
            }
            None => true,
        }
    }

    /// Forgets these people.
    pub fn forget(&self, users: &[UserNo]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.epoch += 1;
        known
            .by_session
            .retain(|_, (_, standing)| !users.contains(&standing.user));
    }

    /// Forgets one login.
    pub fn forget_session(&self, id: SessionId) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.epoch += 1;
        known.by_session.remove(&id);
    }
}
