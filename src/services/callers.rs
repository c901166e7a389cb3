//! Who asks, and how far its word reaches: the command line on this machine, the holder of a token, a person that is
//! logged in.
use crate::{
    error::{Error, Result},
    models::{Role, SessionId, TokenId, User, UserId, UserNo},
};
use chrono::{DateTime, TimeDelta, Utc};
use ipnet::IpNet;
use uuid::Uuid;

/// What a token may hold. `*` is all of them, and those to come.
pub const SCOPES: &[&str] = &[
    "users:read",
    "users:write",
    "devices:read",
    "devices:write",
    "secrets:read",
    "nodes:read",
    "nodes:write",
    "tokens:read",
    "tokens:write",
    "traffic:read",
    "traffic:write",
    "events:read",
    "plans:read",
    "plans:write",
    "system:read",
    "system:write",
    "logins:read",
    "logins:write",
    "admin:read",
    "admin:write",
    "webhooks:read",
    "webhooks:write",
    "audit:read",
    "live:read",
];
/// The scope that holds all others.
pub const ALL: &str = "*";
/// Beyond the reach of an admin: the installation itself.
const SUPERADMINS: &[&str] = &["admin:write"];
/// Reads that reveal secrets.
const SECRETS: &[&str] = &["secrets:read"];
/// How long after it proved who it is a person may change by what it proves it.
pub const FRESH: TimeDelta = TimeDelta::minutes(5);

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `cli:<uid>`, `token:<id>` or `user:<id>`, as it stands in the audit.
    pub name: String,
    /// The person, of a login.
    pub user: Option<UserNo>,
    /// The same, as the API calls it.
    pub user_id: Option<UserId>,
    /// The login itself.
    pub login: Option<SessionId>,
    /// What the person is at this moment.
    pub role: Option<Role>,
    /// When the person last proved who it is.
    pub fresh_at: Option<DateTime<Utc>>,
    /// The person who answers for it: itself, or whoever made the token. What it makes ends with that person.
    pub owner: Option<UserNo>,
    /// Until when it speaks at most, and so what it makes.
    pub until: Option<DateTime<Utc>>,
    /// From where alone it speaks, and so what it makes; empty: from anywhere.
    pub only_from: Vec<IpNet>,
    holds: Holds,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Holds {
    Everything,
    Scopes(Vec<String>),
    Role(Role),
}

/// Whose objects a call may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    All,
    /// This user's alone: all others are as if they were not.
    Own(UserNo),
}

impl Whose {
    /// Whether an object of this user is within reach.
    pub fn covers(self, owner: UserNo) -> bool {
        self == Self::All || self == Self::Own(owner)
    }
}

impl Caller {
    /// The peer of the local socket: the service's own user and root may do everything, others nothing.
    pub fn local(uid: u32) -> Option<Self> {
        let ours = nix::unistd::Uid::effective().as_raw();
        (uid == ours || uid == 0).then(|| Self::trusted(format!("cli:{uid}")))
    }

    /// Somebody who may do everything, such as the program itself.
    pub fn trusted(name: impl Into<String>) -> Self {
        Self::of(name.into(), Holds::Everything)
    }

    /// The holder of a token.
    pub fn token(id: TokenId, scopes: Vec<String>) -> Self {
        let all = scopes.iter().any(|scope| scope == ALL);
        let holds = if all {
            Holds::Everything
        } else {
            Holds::Scopes(scopes)
        };
        Self::of(format!("token:{id}"), holds)
    }

    /// A person that is logged in.
    pub fn person(
        id: UserId,
        user: UserNo,
        role: Role,
        login: SessionId,
        fresh_at: DateTime<Utc>,
    ) -> Self {
        Self {
            user: Some(user),
            user_id: Some(id),
            login: Some(login),
            role: Some(role),
            fresh_at: Some(fresh_at),
            owner: Some(user),
            ..Self::of(format!("user:{id}"), Holds::Role(role))
        }
    }

    fn of(name: String, holds: Holds) -> Self {
        Self {
            name,
            user: None,
            user_id: None,
            login: None,
            role: None,
            fresh_at: None,
            owner: None,
            until: None,
            only_from: Vec::new(),
            holds,
        }
    }

    /// The same person where it changes its own account, which no rank forbids.
    pub fn over_itself(&self) -> Self {
        Self {
            holds: Holds::Everything,
            ..self.clone()
        }
    }

    /// Whether it is the person with this id.
    pub fn is_called(&self, id: Uuid) -> bool {
        self.user_id == Some(UserId(id))
    }

    /// Whether it may, whoever's objects they are.
    pub fn holds(&self, scope: &str) -> bool {
        match &self.holds {
            Holds::Everything => true,
            Holds::Scopes(scopes) => scopes.iter().any(|s| s == scope),
            Holds::Role(role) => role.holds(scope),
        }
    }

    /// Whether both may exactly the same.
    pub fn may_the_same(&self, other: &Self) -> bool {
        self.holds == other.holds
    }

    /// How far it reaches where a person may act on what is its own.
    pub fn reach(&self, scope: &str) -> Option<Whose> {
        if self.holds(scope) {
            return Some(Whose::All);
        }
        let own = self.user.filter(|_| self.role == Some(Role::User));
        own.map(Whose::Own)
    }

    /// Whether it may make, change or remove an account of this role: admins those below them, tokens without `*` only
    /// those of users, so that nobody raises anybody to what it is not.
    pub fn may_manage(&self, role: Role) -> bool {
        match &self.holds {
            Holds::Everything | Holds::Role(Role::Superadmin) => true,
            Holds::Role(own) => *own == Role::Admin && role < Role::Admin,
            Holds::Scopes(_) => role == Role::User,
        }
    }

    /// The same as an error that says why.
    pub fn must_manage(&self, role: Role) -> Result<()> {
        if self.may_manage(role) {
            Ok(())
        } else {
            Err(Error::Rank(role.as_str()))
        }
    }

    /// The same for what an account has, such as its devices. What is one's own, one may change whatever one's rank.
    pub fn must_manage_of(&self, owner: &User) -> Result<()> {
        if self.user == Some(owner.number) {
            return Ok(());
        }
        self.must_manage(owner.role)
    }

    /// Whether this caller may make an account of this role now: one that stands above a user is a way to everything the
    /// maker may, so that a session left open must not make one (L11).
    pub fn must_make(&self, role: Role, now: DateTime<Utc>) -> Result<()> {
        self.must_manage(role)?;
        if role > Role::User {
            self.must_be_fresh(now)?;
        }
        Ok(())
    }

    /// Refuses a person that has not proved lately who it is. Machines have nothing to prove again.
    pub fn must_be_fresh(&self, now: DateTime<Utc>) -> Result<()> {
        match self.fresh_at {
            Some(at) if now - at > FRESH => Err(Error::NotFresh),
            _ => Ok(()),
        }
    }
}

impl Role {
    /// Whether a person of this role may, whoever's objects they are.
    pub fn holds(self, scope: &str) -> bool {
        match self {
            Self::User => false,
            Self::Readonly => scope.ends_with(":read") && !SECRETS.contains(&scope),
            Self::Admin => !SUPERADMINS.contains(&scope) && scope != ALL,
            Self::Superadmin => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(role: Role) -> Caller {
        let id = Uuid::nil();
        Caller::person(
            UserId(id),
            UserNo(7),
            role,
            SessionId(id),
            DateTime::default(),
        )
    }

    #[test]
    fn a_role_reaches_as_far_as_it_says() {
        assert_eq!(
            person(Role::User).reach("devices:write"),
            Some(Whose::Own(UserNo(7)))
        );
        assert!(!person(Role::User).holds("devices:write"));
        let readonly = person(Role::Readonly);
        assert_eq!(readonly.reach("devices:read"), Some(Whose::All));
        for secret in ["secrets:read", "devices:write"] {
            assert_eq!(readonly.reach(secret), None);
        }
        assert!(person(Role::Admin).holds("users:write"));
        assert!(!person(Role::Admin).holds("admin:write") && !person(Role::Admin).holds(ALL));
        assert!(person(Role::Superadmin).holds("admin:write"));
    }

    #[test]
    fn nobody_manages_those_above() {
        let token = |scope: &str| Caller::token(TokenId(Uuid::nil()), vec![scope.to_owned()]);
        let manages = |caller: &Caller| {
            let all = Role::ALL.iter().filter(|role| caller.may_manage(**role));
            all.count()
        };
        assert_eq!(manages(&person(Role::User)), 0);
        assert_eq!(manages(&person(Role::Readonly)), 0);
        assert_eq!(manages(&person(Role::Admin)), 2);
        assert_eq!(manages(&person(Role::Superadmin)), 4);
        assert_eq!(manages(&token("users:write")), 1);
        assert_eq!(manages(&token(ALL)), 4);
    }
}
