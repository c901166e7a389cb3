//! The processes of the cluster: how they are started, that they die with us, which ones there are.
use super::account::Account;
use std::{
    fs,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A program with an environment of its own, as the account.
pub fn command(program: &Path, account: &Account) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("LD_LIBRARY_PATH", program.with_file_name("../lib"))
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", "/nonexistent")
        .current_dir("/")
        .stdin(Stdio::null());
    if account.changed {
        // the supplementary groups are dropped with it
        command.uid(account.uid).gid(account.gid);
    }
    command
}

/// The kernel sends this signal when the thread that starts the program ends, even by SIGKILL.
pub fn die_with_us(command: &mut Command, signal: libc::c_int) {
    let parent = std::process::id();
    #[expect(
        unsafe_code,
        reason = "only between fork and exec can a child ask for its parent's death; the three calls are safe there"
    )]
    // SAFETY: prctl, getppid and raise are async-signal-safe and touch no memory of ours. It runs after the change of
    // the account, which would clear the wish.
    unsafe {
        command.pre_exec(move || {
            if libc::prctl(libc::PR_SET_PDEATHSIG, signal) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            if libc::getppid().cast_unsigned() != parent {
                libc::raise(libc::SIGTERM);
            }
            Ok(())
        });
    }
}

/// The processes that work in this directory. A number in a file proves nothing, a working directory does.
pub fn at_work(dir: &Path) -> Vec<i32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == dir))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// Waits until nobody works there.
pub fn all_gone_within(dir: &Path, limit: Duration) -> bool {
    let since = Instant::now();
    while !at_work(dir).is_empty() {
        if since.elapsed() > limit {
            return false;
        }
        pause(Duration::from_millis(10));
    }
    true
}

/// Waits a moment.
#[expect(
    clippy::disallowed_methods,
    reason = "only the supervisor's own thread comes here, where nobody else waits"
)]
pub fn pause(moment: Duration) {
    std::thread::sleep(moment);
}
