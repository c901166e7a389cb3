//! A login of a person.
use super::{
    ids::{SessionId, UserNo},
    word::words,
};
use crate::schema::sessions;
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use ipnet::IpNet;

words!(/** By what a login is carried on. */ SessionKind {
    /** A cookie of a browser. */ Cookie = "cookie",
    /** Access tokens, refreshed by their holder. */ Token = "token",
});

words!(/** Why a login ended before its time. */ Ended {
    /** Its person left. */ Logout = "logout",
    /** Somebody ended it from elsewhere. */ Revoked = "revoked",
    /** A refresh token came twice: it was copied. */ Reuse = "reuse",
    /** The password changed. */ Password = "password",
    /** A second factor changed. */ Factor = "factor",
    /** The e-mail address changed. */ Email = "email",
    /** The account was suspended. */ Suspended = "suspended",
    /** The account was deleted. */ Deleted = "deleted",
});

/// A row of `sessions`.
#[derive(Clone, Debug, HasQuery, Identifiable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
pub struct Session {
    pub id: SessionId,
    pub user_no: UserNo,
    pub kind: SessionKind,
    pub cookie_hash: Option<Vec<u8>>,
    pub created_at: DateTime<Utc>,
    pub fresh_at: DateTime<Utc>,
    pub used_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub addr: Option<IpNet>,
    pub user_agent: String,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended: Option<Ended>,
}

impl Session {
    /// Neither ended, nor past its time, nor unused for longer than `idle`.
    pub fn is_live(&self, now: DateTime<Utc>, idle: TimeDelta) -> bool {
        self.ended_at.is_none() && now < self.expires_at && now - self.used_at < idle
    }
}
