//! The data directory, the keys, the room on the disk.
use super::finding::Finding;
use crate::config::Settings;
use nix::{
    sys::statvfs::statvfs,
    unistd::{Uid, User, geteuid},
};
use std::{
    fs::{Metadata, metadata},
    io::ErrorKind,
    os::unix::fs::MetadataExt,
    path::Path,
};

/// Below this PostgreSQL may stop at any moment.
const TOO_LITTLE: u64 = 200 << 20;
/// Below this somebody should look.
const LITTLE: u64 = 2 << 30;

/// Looks at what lies in files.
pub fn look(settings: &Settings) -> Vec<Finding> {
    let dir = &settings.data_dir;
    vec![data_dir(dir), keys(settings), disk(dir)]
}

fn data_dir(dir: &Path) -> Finding {
    const CHECK: &str = "data directory";
    let found = match metadata(dir) {
        Ok(found) => found,
        Err(why) if why.kind() == ErrorKind::NotFound => {
            return Finding::warn(
                CHECK,
                format!(
                    "{} is not there yet: the first `hywarden serve` makes it",
                    dir.display()
                ),
            );
        }
        Err(why) => return Finding::fail(CHECK, format!("{}: {why}", dir.display())),
    };
    if !found.is_dir() {
        return Finding::fail(CHECK, format!("{} is no directory", dir.display()));
    }
    let described = described(dir, &found);
    let me = geteuid();
    if found.mode() & 0o022 != 0 {
        return Finding::fail(
            CHECK,
            format!("{described}: others may write there; chmod go-w it"),
        );
    }
    if !me.is_root() && found.uid() != me.as_raw() {
        return Finding::fail(
            CHECK,
            format!("{described}: not this account's; run as its owner or as root"),
        );
    }
    Finding::pass(CHECK, described)
}

fn keys(settings: &Settings) -> Finding {
    const CHECK: &str = "keys";
    let file = settings.keys_file();
    let found = match metadata(&file) {
        Ok(found) => found,
        Err(why) if why.kind() == ErrorKind::NotFound => {
            let detail = format!(
                "{} is not there: made at the first start, needed ever after",
                file.display()
            );
            // A cluster that was started once refers to its keys.
            return if settings.api_socket().exists() || settings.data_dir.join("postgres").exists()
            {
                Finding::fail(CHECK, format!("{detail}; put it back from its copy"))
            } else {
                Finding::warn(CHECK, detail)
            };
        }
        Err(why) => return Finding::fail(CHECK, format!("{}: {why}", file.display())),
    };
    let described = described(&file, &found);
    if found.mode() & 0o077 != 0 {
        return Finding::fail(
            CHECK,
            format!("{described}: others may read it; chmod 600 it"),
        );
    }
    Finding::pass(CHECK, described)
}

fn disk(dir: &Path) -> Finding {
    const CHECK: &str = "disk";
    // The nearest folder that is there already decides which disk it will be.
    let Some(there) = dir.ancestors().find(|dir| dir.exists()) else {
        return Finding::warn(CHECK, format!("nothing of {} is there", dir.display()));
    };
    match statvfs(there) {
        Ok(disk) => {
            let free = disk.blocks_available().saturating_mul(disk.fragment_size());
            let detail = format!("{} MiB free at {}", free >> 20, there.display());
            match free {
                0..TOO_LITTLE => Finding::fail(CHECK, detail),
                TOO_LITTLE..LITTLE => Finding::warn(CHECK, detail),
                _ => Finding::pass(CHECK, detail),
            }
        }
        Err(why) => Finding::warn(CHECK, format!("{}: {why}", there.display())),
    }
}

fn described(path: &Path, found: &Metadata) -> String {
    let owner = match User::from_uid(Uid::from_raw(found.uid())) {
        Ok(Some(user)) => user.name,
        _ => found.uid().to_string(),
    };
    format!(
        "{}, mode {:04o}, of {owner}",
        path.display(),
        found.mode() & 0o7777
    )
}

#[cfg(test)]
mod tests {
    use super::{super::finding::Result, *};
    use std::{fs, os::unix::fs::PermissionsExt};

    #[test]
    fn modes_are_judged() {
        let dir = tempfile::tempdir().unwrap();
        let set = |mode| fs::set_permissions(dir.path(), fs::Permissions::from_mode(mode)).unwrap();
        set(0o700);
        assert_eq!(data_dir(dir.path()).result, Result::Pass);
        set(0o755);
        assert_eq!(data_dir(dir.path()).result, Result::Pass);
        set(0o775);
        assert_eq!(data_dir(dir.path()).result, Result::Fail);
        set(0o700);
        assert_eq!(data_dir(&dir.path().join("none")).result, Result::Warn);
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(data_dir(&file).result, Result::Fail);
    }
}
