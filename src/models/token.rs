//! A secret by which a machine speaks to the API.
use super::ids::{TokenId, UserNo};
use crate::schema::api_tokens;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use ipnet::IpNet;
use std::net::IpAddr;

/// A row of `api_tokens`, without its hash.
#[derive(Clone, Debug, HasQuery, Identifiable)]
#[diesel(table_name = api_tokens, check_for_backend(diesel::pg::Pg))]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub scopes: Vec<String>,
    pub allowed_cidrs: Vec<IpNet>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub last_used_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
    /// The person that made it.
    pub owner_no: Option<UserNo>,
}

impl Token {
    /// Neither revoked nor expired.
    pub fn is_live(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
    /// May be used from this address; one that is not known is refused where a list stands.
    pub fn may_come_from(&self, addr: Option<IpAddr>) -> bool {
        self.allowed_cidrs.is_empty()
            || addr.is_some_and(|addr| self.allowed_cidrs.iter().any(|net| net.contains(&addr)))
    }
}
