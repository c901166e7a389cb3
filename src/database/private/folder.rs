//! Folders and files of the cluster: whose they are, that they are on the disk, that the account reaches them.
use super::{account::Account, process::command};
use anyhow::{Result, bail};
use nix::unistd::geteuid;
use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

/// The socket's name in its folder.
pub const SOCKET: &str = ".s.PGSQL.5432";
/// What fits into a socket's address on every system, with a margin.
const LONGEST: usize = 100;

/// Every directory down to this one must let the account in: names the first that does not.
pub fn reachable(dir: &Path, account: &Account) -> Result<()> {
    let enters = |dir: &Path| -> Result<bool> {
        let mut test = command(Path::new("/usr/bin/test"), account);
        Ok(test.arg("-x").arg(dir).status()?.success())
    };
    if !account.changed || enters(dir)? {
        return Ok(());
    }
    let mut way: Vec<&Path> = dir.ancestors().collect();
    way.reverse();
    for dir in way {
        if !enters(dir)? {
            let mode = fs::metadata(dir)?.permissions().mode() & 0o7777;
            bail!(
                "PostgreSQL runs as `{}` here, which may not enter {} (mode {mode:04o}): choose another data directory or run `chmod o+x {}`",
                account.name,
                dir.display(),
                dir.display()
            )
        }
    }
    Ok(())
}

/// Gives it to the account.
pub fn give(path: &Path, account: &Account) -> Result<()> {
    if account.changed {
        chown(path, Some(account.uid), Some(account.gid))?;
    }
    Ok(())
}

/// Writes a file that only the account reads, through to the disk.
pub fn put(path: &Path, account: &Account, text: &str) -> Result<()> {
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    give(path, account)
}

/// Puts the names in a directory on the disk.
pub fn sync_dir(dir: &Path) -> Result<()> {
    Ok(File::open(dir)?.sync_all()?)
}

/// A new directory that the account alone enters.
pub fn own_dir(dir: &Path, account: &Account) -> Result<()> {
    DirBuilder::new().mode(0o700).create(dir)?;
    give(dir, account)
}

/// The socket lies beside the data; where that path would not fit, in a short directory named after the root's inode.
pub fn socket_dir(root: &Path, account: &Account) -> Result<PathBuf> {
    let mut refused = String::new();
    for dir in places(root)? {
        match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {}
            Err(e) => {
                refused = format!("{}: {e}", dir.display());
                continue;
            }
        }
        // whoever made it first: a link or another's directory is not ours
        let meta = fs::symlink_metadata(&dir)?;
        let ours = [geteuid().as_raw(), account.uid].contains(&meta.uid());
        if !meta.is_dir() || !ours {
            refused = format!("{} is not ours", dir.display());
            continue;
        }
        fs::set_permissions(&dir, Permissions::from_mode(0o700))?;
        give(&dir, account)?;
        return Ok(dir);
    }
    bail!("no place for PostgreSQL's socket: {refused}")
}

fn places(root: &Path) -> Result<Vec<PathBuf>> {
    let fits = |dir: &PathBuf| dir.join(SOCKET).as_os_str().len() <= LONGEST;
    let near = root.join("run");
    if fits(&near) {
        return Ok(vec![near]);
    }
    let meta = fs::metadata(root)?;
    let name = format!("hywarden-{:x}-{:x}", meta.dev(), meta.ino());
    let runtime = if geteuid().is_root() {
        Some("/run".into())
    } else {
        std::env::var_os("XDG_RUNTIME_DIR")
    };
    Ok(runtime
        .into_iter()
        .chain(["/tmp".into()])
        .map(|base| Path::new(&base).join(&name))
        .filter(fits)
        .collect())
}
