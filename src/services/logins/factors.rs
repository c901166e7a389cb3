//! The second factor: set up, confirmed, asked for, replaced, given up. Every step needs a fresh proof, and once a factor
//! is there a code of it (P21).
use super::{Logins, seal_place, totp, trace};
use crate::{
    clock::random,
    error::{Error, Result},
    models::{Ended, Severity, User, UserNo},
    repositories::{
        events::{self, NewEvent},
        factors::{self, Factors},
        sessions, users,
    },
    services::{callers::Caller, fields::Fields, store::leave},
};
use chrono::{DateTime, TimeDelta, Utc};
use diesel_async::{AsyncConnection, AsyncPgConnection};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Wrong codes in one step of 30 s, and in any 15 minutes, of an account, whoever tries from wherever (L7).
const IN_STEP: i16 = 3;
const IN_WINDOW: usize = 10;
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// How long a seed waits for its first code.
const PENDING: TimeDelta = TimeDelta::minutes(10);
const SEED: &str = "totp_sealed";
const PENDING_SEED: &str = "totp_pending_sealed";

/// A seed that waits for its first code.
#[derive(Clone, Debug)]
pub struct Enrolment {
    pub secret: SecretString,
    pub uri: SecretString,
}

/// What a person has set up.
#[derive(Clone, Copy, Debug)]
pub struct FactorState {
    pub password: bool,
    pub totp_since: Option<DateTime<Utc>>,
    pub recovery_codes: i64,
}

#[derive(Clone, Copy)]
enum Judged {
    Right,
    Wrong,
    TooMany(i64),
}

impl Logins {
    /// What the person has set up.
    pub async fn factors(&self, user: UserNo) -> Result<FactorState> {
        let mut conn = self.store.conn().await?;
        let of = factors::find_of(&mut conn, user).await?;
        Ok(FactorState {
            password: of.as_ref().is_some_and(|of| of.password_hash.is_some()),
            totp_since: of.and_then(|of| of.totp_since),
            recovery_codes: factors::count_recovery_codes(&mut conn, user).await?,
        })
    }

    /// A new seed; nothing changes until its first code comes. One that is in force is replaced only with a code of it.
    pub async fn enrol(&self, by: &Caller, code: Option<&str>) -> Result<Enrolment> {
        let user = self.fresh_person(by)?;
        let now = self.now();
        self.prove_factor(user, code).await?;
        let seed = totp::text(&random::<20>(&*self.store.clock));
        let mut conn = self.store.conn().await?;
        let named = conn
            .transaction(async |conn| {
                let person = users::lock_number(conn, user).await?;
                let mut of = factors::lock(conn, user).await?;
                let row = user.to_string();
                let sealed = self
                    .keyring
                    .seal(&seal_place(PENDING_SEED, &row), seed.expose_secret())?;
                of.totp_pending_sealed = Some(sealed);
                of.totp_pending_since = Some(now);
                factors::update(conn, &of).await?;
                Ok::<_, Error>(person)
            })
            .await?;
        let uri = totp::uri(&seed, &named.name).unwrap_or_default();
        Ok(Enrolment {
            uri: uri.into(),
            secret: seed,
        })
    }

    /// The first code of a new seed: from now on one is asked for at each login. Gives recovery codes, shown this once;
    /// everything else that the person held ends.
    pub async fn confirm(&self, by: &Caller, code: &str) -> Result<Vec<String>> {
        let user = self.fresh_person(by)?;
        let now = self.now();
        let codes = self.new_codes();
        let mut conn = self.store.conn().await?;
        let judged = conn
            .transaction(async |conn| {
                let person = users::lock_number(conn, user).await?;
                let mut of = factors::lock(conn, user).await?;
                let waits = of.totp_pending_since.is_some_and(|at| now - at < PENDING);
                let Some(pending) = of.totp_pending_sealed.clone().filter(|_| waits) else {
                    return Err(Error::State("no seed waits for its first code".to_owned()));
                };
                let row = user.to_string();
                let text = self
                    .keyring
                    .open(&seal_place(PENDING_SEED, &row), &pending)?;
                let seed = seed(&text)?;
                let judged = self.judge(conn, &mut of, &seed, code, &person).await?;
                if matches!(judged, Judged::Right) {
                    let sealed = seal_place(SEED, &row);
                    of.totp_sealed = Some(self.keyring.seal(&sealed, text.expose_secret())?);
                    (of.totp_pending_sealed, of.totp_pending_since) = (None, None);
                    of.totp_since = Some(now);
                    self.store_codes(conn, user, &codes).await?;
                    self.factor_changed(
                        conn,
                        by,
                        &person,
                        ("auth.totp_enable", "auth.totp_enabled"),
                    )
                    .await?;
                }
                factors::update(conn, &of).await?;
                Ok((judged, person))
            })
            .await?;
        self.store.caught_up(conn).await?;
        said(judged.0).map_err(of_somebody_known)?;
        self.mail.factor_changed(&judged.1);
        Ok(codes)
    }

    /// Gives the second factor up, with a code of it.
    pub async fn disable(&self, by: &Caller, code: &str) -> Result<()> {
        let user = self.fresh_person(by)?;
        self.prove_factor(user, Some(code)).await?;
        let mut conn = self.store.conn().await?;
        let person = conn
            .transaction(async |conn| {
                let person = users::lock_number(conn, user).await?;
                let mut of = factors::lock(conn, user).await?;
                if of.totp_sealed.is_none() {
                    return Err(Error::State("there is no second factor".to_owned()));
                }
                (of.totp_sealed, of.totp_since) = (None, None);
                (of.totp_pending_sealed, of.totp_pending_since) = (None, None);
                factors::update(conn, &of).await?;
                factors::delete_recovery_codes(conn, user).await?;
                self.factor_changed(
                    conn,
                    by,
                    &person,
                    ("auth.totp_disable", "auth.totp_disabled"),
                )
                .await?;
                Ok(person)
            })
            .await?;
        self.store.caught_up(conn).await?;
        self.mail.factor_changed(&person);
        Ok(())
    }

    /// New recovery codes for old, with a one-time code.
    pub async fn recovery_codes(&self, by: &Caller, code: &str) -> Result<Vec<String>> {
        let user = self.fresh_person(by)?;
        self.prove_factor(user, Some(code)).await?;
        let codes = self.new_codes();
        let mut conn = self.store.conn().await?;
        let person = conn
            .transaction(async |conn| {
                let person = users::lock_number(conn, user).await?;
                let of = factors::lock(conn, user).await?;
                if of.totp_sealed.is_none() {
                    return Err(Error::State("there is no second factor".to_owned()));
                }
                self.store_codes(conn, user, &codes).await?;
                self.factor_changed(
                    conn,
                    by,
                    &person,
                    ("auth.recovery_codes", "auth.recovery_codes_made"),
                )
                .await?;
                Ok::<_, Error>(person)
            })
            .await?;
        self.store.caught_up(conn).await?;
        self.mail.factor_changed(&person);
        Ok(codes)
    }

    /// Takes a code, if the person has a second factor.
    pub(super) async fn prove_factor(&self, user: UserNo, code: Option<&str>) -> Result<()> {
        let has = {
            let mut conn = self.store.conn().await?;
            let of = factors::find_of(&mut conn, user).await?;
            of.is_some_and(|of| of.totp_sealed.is_some())
        };
        match code {
            _ if !has => Ok(()),
            None => Err(Error::field(
                "code",
                "is required: there is a second factor",
            )),
            Some(code) => self.take_code(user, code).await.map_err(of_somebody_known),
        }
    }

    /// Takes a code; a wrong one is counted, and that count stays whatever else fails.
    pub(super) async fn take_code(&self, user: UserNo, code: &str) -> Result<()> {
        let mut fields = Fields::default();
        totp::check_form(&mut fields, code);
        fields.done()?;
        let mut conn = self.store.conn().await?;
        let judged = conn
            .transaction(async |conn| {
                let person = users::lock_number(conn, user).await?;
                let mut of = factors::lock(conn, user).await?;
                let sealed = of.totp_sealed.clone().ok_or(Error::BadLogin)?;
                let row = user.to_string();
                let seed = seed(&self.keyring.open(&seal_place(SEED, &row), &sealed)?)?;
                let judged = self.judge(conn, &mut of, &seed, code, &person).await?;
                factors::update(conn, &of).await?;
                Ok::<_, Error>(judged)
            })
            .await?;
        said(judged)
    }

    async fn judge(
        &self,
        conn: &mut AsyncPgConnection,
        of: &mut Factors,
        seed: &[u8],
        code: &str,
        person: &User,
    ) -> Result<Judged> {
        let now = self.now();
        let (seconds, step) = (now.timestamp(), totp::step(now.timestamp()));
        // one that lies further ahead was tried before the clock was set back
        of.totp_failed_at.retain(|at| (now - *at).abs() < WINDOW);
        if of.totp_failed_step != step {
            (of.totp_failed_step, of.totp_failed_in_step) = (step, 0);
        }
        if let Some(oldest) = of.totp_failed_at.iter().min()
            && of.totp_failed_at.len() >= IN_WINDOW
        {
            return Ok(Judged::TooMany((*oldest + WINDOW - now).num_seconds() + 1));
        }
        if of.totp_failed_in_step >= IN_STEP {
            return Ok(Judged::TooMany(totp::until_next(seconds)));
        }
        if totp::is_code(code) {
            let right = totp::step_of(seed, code, seconds).filter(|step| *step > of.totp_step);
            if let Some(step) = right {
                of.totp_step = step;
                return Ok(Judged::Right);
            }
        } else if let Some(hash) = totp::recovery_hash(code) {
            let (kind, severity, right) =
                match factors::take_recovery_code(conn, of.user_no, &hash, now).await? {
                    Some(false) => ("auth.recovery_code_used", Severity::Warning, true),
                    // somebody tries an old one again: a list that lay around
                    Some(true) => ("auth.recovery_code_misused", Severity::Alarm, false),
                    None => ("auth.recovery_code_unknown", Severity::Warning, false),
                };
            let event = NewEvent {
                kind,
                severity,
                actor: "system",
                user: Some(person.number),
                device: None,
                node: None,
                data: json!({}),
                at: now,
            };
            events::insert(conn, &event).await?;
            if right {
                return Ok(Judged::Right);
            }
        }
        of.totp_failed_in_step += 1;
        of.totp_failed_at.push(now);
        Ok(Judged::Wrong)
    }

    /// The person of a login that was proved lately.
    pub(super) fn fresh_person(&self, by: &Caller) -> Result<UserNo> {
        by.must_be_fresh(self.now())?;
        by.user.ok_or(Error::NeedsLogin)
    }

    fn new_codes(&self) -> Vec<String> {
        std::iter::repeat_with(|| totp::recovery_code(&random(&*self.store.clock)))
            .take(totp::RECOVERY_CODES)
            .collect()
    }

    async fn store_codes(
        &self,
        conn: &mut AsyncPgConnection,
        user: UserNo,
        codes: &[String],
    ) -> Result<()> {
        let hashes: Vec<_> = codes
            .iter()
            .filter_map(|c| totp::recovery_hash(c))
            .collect();
        Ok(factors::set_recovery_codes(conn, user, &hashes).await?)
    }

    /// What was held under the old factors ends, but for the login that changed them (S8).
    async fn factor_changed(
        &self,
        conn: &mut AsyncPgConnection,
        by: &Caller,
        person: &User,
        what: (&'static str, &'static str),
    ) -> Result<()> {
        let now = self.now();
        sessions::end_others(conn, person.number, by.login, Ended::Factor, now).await?;
        sessions::end_tokens(conn, person.number, now).await?;
        leave(conn, trace(&by.name, what, person, now).user(person.number)).await
    }
}

/// The seed of its text.
fn seed(text: &SecretString) -> Result<Vec<u8>> {
    let lower = text.expose_secret().to_ascii_lowercase();
    let seed: Option<[u8; 20]> = crate::admission::base::parse_base32(&lower);
    Ok(seed
        .ok_or_else(|| anyhow::anyhow!("a seed of one-time codes is broken"))?
        .to_vec())
}

/// A wrong code is no failed login where it is known who shows it: its login goes on.
fn of_somebody_known(error: Error) -> Error {
    match error {
        Error::BadLogin => Error::Refused("wrong_code", "that is no code of the second factor now"),
        other => other,
    }
}

fn said(judged: Judged) -> Result<()> {
    match judged {
        Judged::Right => Ok(()),
        Judged::Wrong => Err(Error::BadLogin),
        Judged::TooMany(seconds) => Err(Error::TooMany(u64::try_from(seconds).unwrap_or(1).max(1))),
    }
}
