//! The account that the private PostgreSQL runs as: ourselves, or under root an unprivileged one.
use anyhow::{Context, Result, bail};
use nix::unistd::{User, getegid, geteuid};

/// An account of the system.
#[derive(Clone, Debug)]
pub struct Account {
    pub uid: u32,
    pub gid: u32,
    pub name: String,
    /// Whether we are root and become this account for it.
    pub changed: bool,
}

impl Account {
    /// Ourselves; under root the one asked for, else `postgres`, else `nobody`.
    pub fn choose(asked: Option<&str>) -> Result<Self> {
        let me = geteuid();
        if !me.is_root() {
            let name = User::from_uid(me)?.map(|user| user.name).with_context(|| {
                format!("user {me} has no name, and PostgreSQL needs one: add it to /etc/passwd")
            })?;
            return Ok(Self {
                uid: me.as_raw(),
                gid: getegid().as_raw(),
                name,
                changed: false,
            });
        }
        let names = asked.map_or_else(|| vec!["postgres", "nobody"], |name| vec![name]);
        for name in &names {
            if let Some(user) = User::from_name(name)?
                && !user.uid.is_root()
            {
                return Ok(Self {
                    uid: user.uid.as_raw(),
                    gid: user.gid.as_raw(),
                    name: user.name,
                    changed: true,
                });
            }
        }
        bail!(
            "PostgreSQL is never run as root, and there is no account {} to run it as",
            names.join(" or ")
        )
    }

    /// The name under which the operating system knows this process.
    pub fn own_name() -> Result<String> {
        Ok(User::from_uid(geteuid())?.map_or_else(|| "root".to_owned(), |user| user.name))
    }
}
