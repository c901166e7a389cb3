//! Which PostgreSQL of this machine is used: the one that wrote the data, the newest for new data.
use super::{account::Account, process::command};
use anyhow::{Context, Result, bail};
use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// The oldest major version that is used.
const OLDEST: u32 = 15;
/// Where systems put the programs; `*` is a version.
const USUAL: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr/pgsql-", "bin"),
    ("/usr/local/pgsql/bin", ""),
    ("/usr/bin", ""),
];

/// The programs of one major version.
#[derive(Debug)]
pub struct Programs {
    pub major: u32,
    pub bin: PathBuf,
}

/// What this machine has, oldest first: `only` alone when it is set.
pub fn installed(only: Option<&Path>, account: &Account) -> Vec<Programs> {
    let folders = only.map_or_else(usual, |dir| vec![dir.to_owned()]);
    let mut have: Vec<_> = folders
        .into_iter()
        .filter_map(|bin| {
            let major = major(&bin, account)?;
            Some(Programs { major, bin })
        })
        .collect();
    have.sort_by_key(|programs| programs.major);
    have
}

fn usual() -> Vec<PathBuf> {
    let [(debian, bin), (redhat, _), (own, _), (system, _)] = USUAL;
    let versions = |dir: &str| fs::read_dir(dir).into_iter().flatten().flatten();
    let debian = versions(debian).map(|entry| entry.path().join(bin));
    let redhat = versions("/usr")
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().starts_with(redhat))
        .map(|path| path.join(bin));
    debian
        .chain(redhat)
        .chain([own.into(), system.into()])
        .collect()
}

/// 15 of "postgres (PostgreSQL) 15.18 (Debian …)"; none where a program is missing.
fn major(bin: &Path, account: &Account) -> Option<u32> {
    if !bin.join("initdb").exists() {
        return None;
    }
    let out = command(&bin.join("postgres"), account)
        .arg("-V")
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let (_, version) = text.split_once(") ")?;
    version
        .split(|c: char| !c.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

/// The programs for this data.
pub fn choose(data: &Path, socket: &Path, mut have: Vec<Programs>) -> Result<Programs> {
    let names = match have.as_slice() {
        [] => "no PostgreSQL".to_owned(),
        some => some
            .iter()
            .map(|programs| programs.major.to_string())
            .collect::<Vec<_>>()
            .join(", "),
    };
    let Some(wrote) = written_by(data)? else {
        return have.pop().filter(|newest| newest.major >= OLDEST).with_context(|| {
            format!(
                "PostgreSQL {OLDEST} or newer is needed and this machine has {names}: install it with `apt-get install postgresql`, or set database.url to a server of yours"
            )
        });
    };
    let (data, socket) = (data.display(), socket.display());
    if wrote < OLDEST {
        bail!(
            "{data} was written by PostgreSQL {wrote}, {OLDEST} is the oldest that is used; nothing was changed: dump it with its own programs, move it away, start, restore the dump into the new cluster"
        )
    }
    if let Some(same) = have.into_iter().find(|programs| programs.major == wrote) {
        return Ok(same);
    }
    bail!(
        "{data} was written by PostgreSQL {wrote}, this machine has {names}; nothing was changed.
  1. Install that version again (`apt-get install postgresql-{wrote}`) and start: it is found by itself. This is enough to go on.
  2. To move to a newer version, install it too, and while the program runs:
       pg_dump -h {socket} -U hywarden -Fc -f hywarden.dump postgres
  3. Stop the program, `mv {data} {data}.{wrote}`, run `hywarden migrate status`: a new, empty cluster is made with the newest version and stopped again.
  4. Start the program with `--set database.migrate=manual` and run
       pg_restore -h {socket} -U hywarden -d postgres --clean --if-exists --single-transaction hywarden.dump
  5. Restart the program; remove {data}.{wrote} when all is well."
    )
}

/// The major version that wrote this data; none where there is no cluster. An unreadable one is an error, never "none".
pub fn written_by(data: &Path) -> Result<Option<u32>> {
    let file = data.join("PG_VERSION");
    match fs::read_to_string(&file) {
        Ok(text) => text
            .trim()
            .parse()
            .map(Some)
            .with_context(|| format!("{} says {text:?}", file.display())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e).with_context(|| format!("cannot read {}", file.display())),
    }
}
