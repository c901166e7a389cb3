//! One process a data directory: a lock that the kernel lets go of however its holder ends.
use anyhow::{Context, Result, bail};
use std::{
    fs::{self, File, Permissions, TryLockError},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// A killed holder's lock is gone a little after it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Makes the data directory if need be and takes it for this process, for as long as the file lives.
pub async fn claim(dir: &Path) -> Result<File> {
    if !dir.try_exists()? {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        // the private PostgreSQL's account passes through; it cannot list what lies here
        fs::set_permissions(dir, Permissions::from_mode(0o711))?;
    }
    let path = dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(10)).await;
            }
            Err(TryLockError::WouldBlock) => bail!("another program runs on {}", dir.display()),
            Err(TryLockError::Error(e)) => {
                return Err(e).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
}
