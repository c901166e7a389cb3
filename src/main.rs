//! The program: everything is in the library.
use std::process::ExitCode;

/// Logins free on one thread what another allocated, tens of thousands of times a second: here this costs half.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    hywarden::cli::run()
}
