//! `hywarden completions SHELL`: what the shell needs to finish a word.
use clap::{Args, Command, ValueEnum};
use clap_complete::{Shell, generate};
use std::io;

/// Which shell.
#[derive(Args, Debug)]
pub struct Completions {
    shell: Known,
}

/// The shells that are known.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    /// Prints the script for `command`.
    pub fn print(&self, mut command: Command) {
        let shell = match self.shell {
            Known::Bash => Shell::Bash,
            Known::Zsh => Shell::Zsh,
            Known::Fish => Shell::Fish,
        };
        let mut script = Vec::new();
        generate(shell, &mut command, "hywarden", &mut script);
        // Whoever closed the pipe has what it wanted.
        let _ = io::Write::write_all(&mut io::stdout(), &script);
    }
}
