//! How often somebody may try. In Redis for several instances, in this instance's memory without it or while it is away:
//! a limit is never open. Memory is bounded: a flood of addresses pushes out those who try least (L3).
use crate::{
    admission::{AddrKey, slots::Slots},
    cache::{
        Cache,
        keys::{Arrivals, REMEMBERED, SoftLock},
    },
    clock::{Clock, random},
    error::{Error, Result},
    models::{UserNo, name::folded},
};
use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Entries of each table in memory.
const ENTRIES: usize = 65_536;
/// For how long the first failure of an account from an address locks it there, the second, and so on: at most a
/// minute, so that nobody can lock an owner out for long (L2).
const LOCKS: [i64; 9] = [0, 0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000];
const LONGEST_LOCK: i64 = 60_000;
/// What lies so much further ahead than anybody writes it was written before a clock was set back, and counts no more
/// (S12): instances' clocks differ by less. In milliseconds.
const SET_BACK: i64 = 60_000;

/// What is limited.
#[derive(Clone, Copy, Debug)]
pub enum Door {
    /// Logins of one address.
    Login(AddrKey),
    /// Logins of everybody.
    Everybody,
    /// Accounts that one address makes.
    Register(AddrKey),
    /// Mails that one address asks for.
    Forgot(AddrKey),
    /// Mails to one account.
    Mail(u64),
    /// Tries of one address at one-use links: setup, a new password, an invitation.
    Link(AddrKey),
    /// Right passwords of one account: each costs a hash, and no address is charged for it.
    Proof(UserNo),
}

/// How often login doors open.
#[derive(Clone, Copy, Debug)]
pub struct LimitSettings {
    /// Tries of one address at once.
    pub tries: u32,
    /// Tries of everybody a second.
    pub tries_per_second: u32,
    /// Right passwords of one account at once.
    pub proofs: u32,
}

/// The limits.
pub struct Limits {
    settings: ArcSwap<LimitSettings>,
    clock: Arc<dyn Clock>,
    cache: Option<Cache>,
    arrivals: Slots<i64>,
    /// Of everybody, apart: beside those of addresses it would be the first to be pushed out.
    everybody: Mutex<i64>,
    locks: Slots<(i64, u16)>,
}

impl Door {
    /// Its name, whose it is, how many at once, and how soon one comes back.
    fn rule(self, settings: LimitSettings) -> (&'static str, u64, u32, Duration) {
        let minute = Duration::from_mins(1);
        match self {
            Self::Login(addr) => ("login", addr.0, settings.tries, minute),
            Self::Everybody => {
                let each = Duration::from_secs(1) / settings.tries_per_second;
                ("logins", 0, settings.tries_per_second * 2, each)
            }
            Self::Register(addr) => ("register", addr.0, 3, 20 * minute),
            Self::Forgot(addr) => ("forgot", addr.0, 3, 20 * minute),
            Self::Mail(account) => ("mail", account, 2, 5 * minute),
            Self::Link(addr) => ("link", addr.0, 10, minute),
            Self::Proof(account) => {
                let each = Duration::from_secs(6);
                ("proof", account.0.cast_unsigned(), settings.proofs, each)
            }
        }
    }
}

impl Limits {
    /// Without Redis in memory alone.
    pub fn new(settings: LimitSettings, clock: Arc<dyn Clock>, cache: Option<Cache>) -> Self {
        let seed = || u64::from_ne_bytes(random(&*clock));
        Self {
            arrivals: Slots::new(ENTRIES, seed()),
            locks: Slots::new(ENTRIES, seed()),
            everybody: Mutex::default(),
            settings: ArcSwap::from_pointee(settings),
            cache,
            clock,
        }
    }

    /// From now on these.
    pub fn set(&self, settings: LimitSettings) {
        self.settings.store(Arc::new(settings));
    }

    /// Takes a try, or says in how many seconds there will be one.
    pub async fn take(&self, door: Door) -> Result<()> {
        match self.arrive(door, false).await {
            None => Ok(()),
            Some(micros) => Err(Error::TooMany(seconds(micros, 1_000_000))),
        }
    }

    /// What was taken was no guess after all.
    pub async fn give_back(&self, door: Door) {
        self.arrive(door, true).await;
    }

    async fn arrive(&self, door: Door, give_back: bool) -> Option<i64> {
        let (of, key, burst, interval) = door.rule(**self.settings.load());
        let interval = i64::try_from(interval.as_micros()).unwrap_or(i64::MAX);
        let now = self.clock.now().timestamp_micros();
        if let Some(cache) = &self.cache {
            let arrivals = Arrivals { of, key };
            if let Ok(wait) = cache
                .limit(&arrivals, now, interval, burst, give_back)
                .await
            {
                return wait;
            }
        }
        let step = if give_back { -interval } else { interval };
        let most = now.saturating_add(interval.saturating_mul(i64::from(burst)));
        let take = |arrival: &mut i64| {
            if *arrival > most.saturating_add(SET_BACK * 1_000) {
                *arrival = 0;
            }
            let next = (*arrival).max(now).saturating_add(step);
            let over = next - most;
            if over <= 0 {
                *arrival = next;
            }
            (over > 0).then_some(over)
        };
        if let Door::Everybody = door {
            return take(
                &mut self
                    .everybody
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
        // one table for all other doors
        let place = key ^ hash(&[of.as_bytes()]);
        self.arrivals.with(place, take).flatten()
    }

    /// Refuses while this is locked.
    pub async fn must_be_unlocked(&self, lock: SoftLock) -> Result<()> {
        let now = self.clock.now().timestamp_millis();
        let shared = match &self.cache {
            Some(cache) => cache.locked_until(&lock).await.ok(),
            None => None,
        };
        let until = shared.unwrap_or_else(|| self.locks.get(lock.0).unwrap_or_default().0);
        if until > now && until <= now + LONGEST_LOCK + SET_BACK {
            return Err(Error::TooMany(seconds(until - now, 1_000)));
        }
        Ok(())
    }

    /// One more failure.
    pub async fn failed(&self, lock: SoftLock) {
        let now = self.clock.now().timestamp_millis();
        if let Some(cache) = &self.cache
            && cache.lock_more(&lock, now, &LOCKS).await.is_ok()
        {
            return;
        }
        let remembered = i64::try_from(REMEMBERED.as_millis()).unwrap_or(0);
        self.locks.with(lock.0, |(until, failures)| {
            if *until + remembered < now {
                *failures = 0;
            }
            let at = usize::from(*failures).min(LOCKS.len() - 1);
            *until = now + LOCKS.get(at).copied().unwrap_or(LONGEST_LOCK);
            *failures = failures.saturating_add(1);
        });
    }

    /// It was the owner: all is forgotten.
    pub async fn succeeded(&self, lock: SoftLock) {
        if let Some(cache) = &self.cache {
            // away: it lapses by itself
            let _ = cache.unlock(&lock).await;
        }
        self.locks.with(lock.0, |state| *state = (0, 0));
    }
}

/// Whose failures lock.
#[derive(Clone, Copy, Debug)]
pub enum Failures<'a> {
    /// Of whoever is called so, existing or not: whoever types it is told of the lock.
    Called(&'a str),
    /// Of an account, however it was called. A lock that is told would tell that two names are one account's.
    Account(UserNo),
    /// The same where there is no account: it makes the same work.
    Nobody(&'a str),
    /// Of a person that is logged in.
    Person(UserNo),
}

impl Failures<'_> {
    /// The lock of its failures from this address.
    pub fn lock(self, addr: Option<AddrKey>) -> SoftLock {
        let addr = addr.map_or(0, |addr| addr.0).to_be_bytes();
        let (kind, whose) = match self {
            Self::Called(name) => (b"called", folded(name)),
            Self::Nobody(name) => (b"nobody", folded(name)),
            Self::Account(user) => (b"number", user.to_string()),
            Self::Person(user) => (b"person", user.to_string()),
        };
        SoftLock(hash(&[&addr, kind, whose.as_bytes()]))
    }
}

/// 64 bits of a hash.
pub fn hash(parts: &[&[u8]]) -> u64 {
    let digest = parts.iter().fold(Sha256::new(), Digest::chain_update);
    let digest: [u8; 32] = digest.finalize().into();
    digest
        .first_chunk::<8>()
        .map_or(0, |first| u64::from_be_bytes(*first))
}

/// Whole seconds, rounded up: to come back a moment early would be refused again.
fn seconds(time: i64, each: i64) -> u64 {
    u64::try_from((time + each - 1) / each).unwrap_or(1).max(1)
}
