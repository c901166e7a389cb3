//! Processes and sockets around the program. Everything waits for a line, a byte or an end, never for time to pass;
//! what does not come within [`PATIENCE`] fails the test with what the processes said.
pub mod certificate;
pub mod clients;
pub mod folder;
pub mod free;
pub mod house;
pub mod hysteria;
pub mod process;
pub mod socks;
pub mod target;

use std::time::{Duration, Instant};

/// How long anything may take on a loaded machine.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks again until there is an answer. For states that nobody announces.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        pause();
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "between two questions; no test relies on its length"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}
